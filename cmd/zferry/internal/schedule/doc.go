// Package schedule decides when jobs run, and runs them.
//
// A [Spec] names slots of the wall clock: multiples of an interval, or the moments of a cron expression in a time zone. A
// [Timetable] says of one, at any moment, whether it is due, and when the next time is. A [Scheduler] runs the jobs that have
// several of them.
//
//	slots, err := schedule.Spec{Every: time.Hour, Jitter: 5 * time.Minute, Key: "home"}.Slots()
//	…
//	s := schedule.New(schedule.Config{Limit: 2})
//	s.Set([]schedule.Job{{Name: "home", Parts: []schedule.Part{{Name: "snapshot", Slots: slots}}, Run: run}})
//	err = s.Run(ctx)
//
// # Clocks
//
// Slots are of the wall clock, which can be wrong and be set right. The rules, which hold for a suspended machine, too:
//
//   - What was missed is run once, however many slots there were: a clock that is set forward by a month runs an hourly job
//     once.
//   - A slot whose time comes again, since the clock was set back, isn't run again, unless as much time has passed since as is
//     between two slots: so nothing runs twice, and nothing stops for a month if the clock was wrong by a month.
//
// # Daylight saving time
//
// Where a cron expression names hours, each of them comes once a day: one that a change of the clock skips runs right after
// the change, and one that comes twice runs the first time. Where it has * for hours, it runs by the time that passes.
//
// # Jobs
//
// A job never runs twice at a time. What gets due meanwhile waits until it has ended, and is then one run, whatever parts of
// the job it has and however often they were due. No more than Limit jobs run at a time; the others wait in the order in which
// they were due.
package schedule
