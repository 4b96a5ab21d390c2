package catapult_test

var metadataFacts = []fact{{
	name: "metadata may have more args, and names of empty lanes are dropped",
	events: `
		{"ph":"M","name":"process_name","args":{"name":"zferry","spanstack.unix_ns":"1"}}
		{"ph":"M","name":"thread_name","args":{"name":"main","x":1}}
		{"ph":"M","name":"thread_name","args":{"name":"empty"},"tid":9}
		{"ph":"X","name":"p","ts":1,"dur":1}`,
	want: `
		process 1 zferry
		  lane 1 main
		    p 1+1`,
}, {
	name: "unknown metadata warns",
	events: `
		{"ph":"M","name":"spanstack","args":{"name":"x"}}
		{"ph":"X","name":"p","ts":1,"dur":1}`,
	want: `
		! metadata_parse_error
		process 1
		  lane 1
		    p 1+1`,
}, {
	name: "the last name counts, wherever it is",
	events: `
		{"ph":"X","name":"p","ts":1,"dur":1}
		{"ph":"M","name":"thread_name","args":{"name":"one"}}
		{"ph":"M","name":"thread_name","args":{"name":"two"}}`,
	want: `
		process 1
		  lane 1 two
		    p 1+1`,
}, {
	name: "lanes are ordered by sort index, then name as text, then tid",
	events: `
		{"ph":"X","name":"p","ts":1,"dur":1,"tid":1}
		{"ph":"X","name":"p","ts":1,"dur":1,"tid":2}
		{"ph":"X","name":"p","ts":1,"dur":1,"tid":3}
		{"ph":"X","name":"p","ts":1,"dur":1,"tid":4}
		{"ph":"M","name":"thread_name","args":{"name":"step #2"},"tid":1}
		{"ph":"M","name":"thread_name","args":{"name":"step #10"},"tid":2}
		{"ph":"M","name":"thread_name","args":{"name":"zzz"},"tid":3}
		{"ph":"M","name":"thread_sort_index","args":{"sort_index":-1},"tid":3}`,
	want: `
		process 1
		  lane 3 zzz
		    p 1+1
		  lane 2 step #10
		    p 1+1
		  lane 1 step #2
		    p 1+1
		  lane 4
		    p 1+1`,
}}

var instantFacts = []fact{{
	name: "instants of a thread are slices of no length, also outside of spans",
	events: `
		{"ph":"i","s":"t","name":"before","ts":1}
		{"ph":"X","name":"p","ts":5,"dur":20}
		{"ph":"i","s":"t","name":"inside","ts":6}
		{"ph":"i","name":"no scope","ts":56}
		{"ph":"i","s":"p","name":"of the process","ts":57}
		{"ph":"i","s":"g","name":"of the trace","ts":58}`,
	want: `
		process 1
		  * of the process 57
		  lane 1
		    before 1+0
		    p 5+20
		      inside 6+0
		    no scope 56+0
		* of the trace 58`,
}, {
	name: "instant in the rounded µs of a span's end is drawn inside",
	events: `
		{"ph":"X","name":"p","ts":5,"dur":20.200}
		{"ph":"i","s":"t","name":"just after","ts":25.400}
		{"ph":"i","s":"t","name":"after","ts":25.600}`,
	want: `
		process 1
		  lane 1
		    p 5+20.2
		      just after 25.4+0
		    after 25.6+0`,
}, {
	name: "instant of unknown scope warns",
	events: `
		{"ph":"i","s":"x","name":"log","ts":57}`,
	want: `! instant_parse_error`,
}, {
	name: "instant with dur 0 that is older than the open B warns",
	events: `
		{"ph":"B","name":"a","ts":10}
		{"ph":"i","s":"t","name":"log","ts":5,"dur":0}`,
	want: `
		! duration_parse_error
		process 1
		  lane 1
		    a 10+0 open`,
}}

var valueFacts = []fact{{
	name: "zero and negative durations are silent",
	events: `
		{"ph":"X","name":"p","ts":1,"dur":20}
		{"ph":"X","name":"zero","ts":5,"dur":0}
		{"ph":"X","name":"negative","ts":10,"dur":-3}`,
	want: `
		process 1
		  lane 1
		    p 1+20
		      zero 5+0
		      negative 10+-3`,
}, {
	name: "times before zero are fine",
	events: `
		{"ph":"X","name":"p","ts":-5,"dur":20}`,
	want: `
		process 1
		  lane 1
		    p -5+20`,
}, {
	name: "ns survive a day of relative µs",
	events: `
		{"ph":"X","name":"d","ts":86400000000.125,"dur":1000.454}
		{"ph":"X","name":"c","ts":86400000000.124,"dur":1000.455}
		{"ph":"X","name":"p","ts":86400000000.123,"dur":1000.456}`,
	want: `
		process 1
		  lane 1
		    p 86400000000.123+1000.456
		      c 86400000000.124+1000.455
		        d 86400000000.125+1000.454`,
}, {
	name: "ns do not survive absolute Unix µs",
	events: `
		{"ph":"X","name":"p","ts":1700000000000000.123,"dur":1}`,
	want: `
		process 1
		  lane 1
		    p 1700000000000000+1`,
}, {
	name:   "unknown colour fails",
	events: `{"ph":"X","name":"p","ts":1,"dur":9,"cname":"nosuch"}`,
	fails:  "Unrecognized color",
}, {
	name:   "slice without a name fails",
	events: `{"ph":"X","ts":1,"dur":9}`,
	fails:  "Cannot read properties of undefined",
}, {
	name:   "unknown phase warns",
	events: `{"ph":"Z","name":"p","ts":1}`,
	want:   `! parse_error`,
}, {
	name:   "counter without args warns",
	events: `{"ph":"C","name":"bytes","ts":2,"args":{}}`,
	want: `
		! counter_parse_error
		process 1`,
}, {
	name: "counter has the series of its first event",
	events: `
		{"ph":"C","name":"bytes","ts":1,"args":{"a":1}}
		{"ph":"C","name":"bytes","ts":2,"args":{"b":1}}`,
	want: `
		process 1
		  counter bytes: a 1=1 2=0`,
}, {
	name:   "any args and text are fine",
	events: `{"ph":"X","name":"<b>ü \ud800","ts":1,"dur":9,"args":{"id":"a/b","params":{"x":1},"__proto__":"p","nested":{"id":"c/d"}}}`,
	want: `
		process 1
		  lane 1
		    <b>ü ` + "\ufffd" + ` 1+9`,
}}

var fileFacts = []fact{{
	name: "array may stop after a comma",
	text: "[\n" + `{"ph":"X","pid":1,"tid":1,"name":"p","ts":1,"dur":1},` + "\n",
	want: `
		process 1
		  lane 1
		    p 1+1`,
}, {
	name: "array may stop after an event",
	text: "[\n" + `{"ph":"X","pid":1,"tid":1,"name":"p","ts":1,"dur":1}`,
	want: `
		process 1
		  lane 1
		    p 1+1`,
}, {
	name:  "array may not stop inside an event",
	text:  "[\n" + `{"ph":"X","pid":1,"tid":1,"name":"p","ts":1,"dur":1},{"ph":"X","pid":1,`,
	fails: "JSON",
}, {
	name:  "array may not have a comma before its bracket",
	text:  "[\n" + `{"ph":"X","pid":1,"tid":1,"name":"p","ts":1,"dur":1},` + "\n]",
	fails: "JSON",
}, {
	name:  "nothing may follow the array",
	text:  `[{"ph":"X","pid":1,"tid":1,"name":"p","ts":1,"dur":1}] x`,
	fails: "JSON",
}, {
	name: "array may be a bracket only",
	text: "[",
}, {
	name:  "object form may not be cut",
	text:  `{"traceEvents":[{"ph":"X","pid":1,"tid":1,"name":"p","ts":1,"dur":1},`,
	fails: "JSON",
}, {
	name: "object form may have other keys",
	text: `{"spanstack.unix_ns":"1","otherData":{"a":1},"traceEvents":[{"ph":"X","pid":1,"tid":1,"name":"p","ts":1,"dur":1}]}`,
	want: `
		process 1
		  lane 1
		    p 1+1`,
}}
