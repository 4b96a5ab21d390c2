// Package logmetrics counts log lines for Prometheus: how many each subsystem has written, by level, and how many each
// outlet has lost.
//
//	prometheus.MustRegister(logmetrics.NewCollector(handler))
//
// An alert on lines that are lost, or on errors of one subsystem:
//
//	rate(log_lines_lost_total[5m]) > 0
//	rate(log_lines_total{subsystem="zfs",level="error"}[5m]) > 0
package logmetrics
