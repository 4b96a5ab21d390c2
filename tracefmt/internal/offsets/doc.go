// Package offsets estimates by how much clocks differ, from messages between those who have them.
//
// A message can't arrive before it was sent. Of a request and its reply, each with the times at which it left and came,
// that leaves an interval for the difference of the two clocks, as in NTP (RFC 5905, section 8, figure 15): its middle
// is the estimate, half of its width the greatest error, whatever the messages took on their ways. The difference is in
// the intervals of all messages, so that it is known the better the more there are. Where they contradict each other,
// because of a clock that drifts or of what was no request, it is taken to be where most of them meet, as Marzullo's
// algorithm does.
//
// Clocks that no messages compare directly are compared through others: of all ways, those with the smallest errors.
package offsets
