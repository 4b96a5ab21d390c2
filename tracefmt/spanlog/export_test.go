package spanlog

var ParseTime = parseTime
