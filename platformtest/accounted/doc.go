// Package accounted says how much of a command's time its trace explains: of what a user waited for, what has a name?
//
//	all, err := accounted.Read("trace.json")
//	…
//	for _, account := range accounted.Of(all, "replicate") {
//		fmt.Println(account)
//	}
//
// A trace has slices, which are tasks and spans. The one that stands for the command is its root. Time in which no child of the root
// runs is lost: nobody knows what happened. Time in which nothing innermost runs is what the program itself did between zfs commands,
// connections and the like; it is known in which of its parts.
//
// Some slices say that something is there, and not what happens: a worker that has nothing to do, a lock that is held there, the trace
// of another host that is being read. They explain nothing. Nor do those of another host: what is asked for is how long this one waited for it.
//
// It is for this project's tests. Traces in general are read by package timeline.
package accounted
