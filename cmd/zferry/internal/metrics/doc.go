// Package metrics keeps what is known of jobs and of the datasets that they replicate, and shows it to Prometheus: while a
// daemon runs, by a [prometheus.Collector], and after a command that has ended, by a file that node_exporter's textfile
// collector reads.
//
//	err := metrics.WriteTextfile("/var/lib/node_exporter/zferry.prom", metrics.Report{Job: "home", Ended: time.Now(), Datasets: list})
//
// Times are seconds since 1970, and sizes bytes:
//
//	zferry_build_info{version,goversion}                               1
//	zferry_job_last_run_timestamp_seconds{job}                         when its last run ended
//	zferry_job_last_success_timestamp_seconds{job}                     when the last run without an error ended
//	zferry_job_last_run_failed{job}                                    1 if that had an error
//	zferry_job_running{job}                                            1 while it runs; only of a daemon
//	zferry_job_runs_total{job}                                         runs that have ended
//	zferry_job_errors_total{job,step}                                  failed steps, after all attempts
//	zferry_job_alert_lag_seconds{job}, zferry_job_alert_overdue_seconds{job}       what the configuration says
//	zferry_dataset_last_success_timestamp_seconds{job,target,dataset}  when it was last found up to date, or brought there
//	zferry_dataset_newest_timestamp_seconds{job,target,dataset}        creation of the newest snapshot that both sides have
//	zferry_dataset_lag_seconds{job,target,dataset}                     the age of that
//	zferry_dataset_bytes_total{job,target,dataset}                     received
//	zferry_dataset_duration_seconds{job,target,dataset}                how long its last replication took
//	zferry_dataset_errors_total{job,target,dataset}                    replications that have failed
//
// packaging/prometheus/zferry.rules.yml has alerts on them.
package metrics
