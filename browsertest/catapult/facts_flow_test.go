package catapult_test

var flowFacts = []fact{{
	name: "flow may touch the starts of its slices",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"X","name":"c","ts":10,"dur":20,"tid":2}
		{"ph":"s","name":"go","id":"q","ts":10}
		{"ph":"f","name":"go","id":"q","ts":10,"bp":"e","tid":2}`,
	want: `
		process 1
		  lane 1
		    p 10+20
		  lane 2
		    c 10+20
		flow p -> c at 10`,
}, {
	name: "flow at a slice's end can miss it and warns",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"X","name":"c","ts":10,"dur":20.001,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":20}
		{"ph":"f","name":"go","id":1,"ts":30.001,"bp":"e","tid":2}`,
	want: `
		! flow_slice_end_error
		process 1
		  lane 1
		    p 10+20
		  lane 2
		    c 10+20.001`,
}, {
	name: "flow outside of any slice warns for both ends",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"X","name":"c","ts":10,"dur":20,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":9.999}
		{"ph":"f","name":"go","id":1,"ts":10,"bp":"e","tid":2}`,
	want: `
		! flow_slice_start_error
		! flow_slice_ordering_error
		process 1
		  lane 1
		    p 10+20
		  lane 2
		    c 10+20`,
}, {
	name: "flow from an open B that is last in its lane warns",
	events: `
		{"ph":"B","name":"p","ts":10}
		{"ph":"B","name":"c","ts":15,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":15}
		{"ph":"f","name":"go","id":1,"ts":15,"bp":"e","tid":2}`,
	want: `
		! flow_slice_start_error
		! flow_slice_ordering_error
		process 1
		  lane 1
		    p 10+0 open
		  lane 2
		    c 15+0 open`,
}, {
	name: "flow from an open B with a later event in its lane is drawn",
	events: `
		{"ph":"B","name":"p","ts":10}
		{"ph":"B","name":"c","ts":15,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":15}
		{"ph":"f","name":"go","id":1,"ts":15,"bp":"e","tid":2}
		{"ph":"i","s":"t","name":"flush","ts":16}`,
	want: `
		process 1
		  lane 1
		    p 10+6 open
		      flush 16+0
		  lane 2
		    c 15+0 open
		flow p -> c at 15`,
}, {
	name: "flow binds to the deepest slice",
	events: `
		{"ph":"X","name":"task","ts":0,"dur":100}
		{"ph":"X","name":"span","ts":10,"dur":80}
		{"ph":"X","name":"inner","ts":20,"dur":20}
		{"ph":"X","name":"c","ts":25,"dur":20,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":25}
		{"ph":"f","name":"go","id":1,"ts":25,"bp":"e","tid":2}`,
	want: `
		process 1
		  lane 1
		    task 0+100
		      span 10+80
		        inner 20+20
		  lane 2
		    c 25+20
		flow inner -> c at 25`,
}, {
	name: "flow binds to an instant of the same time",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"i","s":"t","name":"log","ts":16}
		{"ph":"X","name":"c","ts":16,"dur":20,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":16}
		{"ph":"f","name":"go","id":1,"ts":16,"bp":"e","tid":2}`,
	want: `
		process 1
		  lane 1
		    p 10+20
		      log 16+0
		  lane 2
		    c 16+20
		flow log -> c at 16`,
}, {
	name: "flow to a slice that starts as the previous one ends binds to that",
	events: `
		{"ph":"X","name":"p","ts":0,"dur":20}
		{"ph":"X","name":"previous","ts":5,"dur":5,"tid":2}
		{"ph":"X","name":"c","ts":10,"dur":5,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":10}
		{"ph":"f","name":"go","id":1,"ts":10,"bp":"e","tid":2}`,
	want: `
		process 1
		  lane 1
		    p 0+20
		  lane 2
		    previous 5+5
		    c 10+5
		flow p -> previous at 10`,
}, {
	name: "flow without bp goes to the next slice",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"X","name":"c","ts":15,"dur":20,"tid":2}
		{"ph":"X","name":"inner","ts":16,"dur":2,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":15}
		{"ph":"f","name":"go","id":1,"ts":15,"tid":2}`,
	want: `
		process 1
		  lane 1
		    p 10+20
		  lane 2
		    c 15+20
		      inner 16+2
		flow p -> inner at 15`,
}, {
	name: "f before s in the file is fine if it is later in time",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"X","name":"c","ts":10,"dur":20,"tid":2}
		{"ph":"f","name":"go","id":1,"ts":11,"bp":"e","tid":2}
		{"ph":"s","name":"go","id":1,"ts":10}`,
	want: `
		process 1
		  lane 1
		    p 10+20
		  lane 2
		    c 10+20
		flow p -> c at 10`,
}, {
	name: "f before s in the file at the same time warns",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"X","name":"c","ts":10,"dur":20,"tid":2}
		{"ph":"f","name":"go","id":1,"ts":10,"bp":"e","tid":2}
		{"ph":"s","name":"go","id":1,"ts":10}`,
	want: `
		! flow_slice_ordering_error
		process 1
		  lane 1
		    p 10+20
		  lane 2
		    c 10+20`,
}, {
	name: "flow whose ends have different names warns",
	events: `
		{"ph":"X","name":"p","ts":0,"dur":20}
		{"ph":"X","name":"c","ts":10,"dur":5,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":10}
		{"ph":"f","name":"went","id":1,"ts":10,"bp":"e","tid":2}`,
	want: `
		! flow_slice_ordering_error
		process 1
		  lane 1
		    p 0+20
		  lane 2
		    c 10+5`,
}, {
	name: "flow id may be used again after its f",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"X","name":"c","ts":15,"dur":20,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":15}
		{"ph":"f","name":"go","id":1,"ts":15,"bp":"e","tid":2}
		{"ph":"s","name":"go","id":1,"ts":17}
		{"ph":"f","name":"go","id":1,"ts":17,"bp":"e","tid":2}`,
	want: `
		process 1
		  lane 1
		    p 10+20
		  lane 2
		    c 15+20
		flow p -> c at 15
		flow p -> c at 17`,
}, {
	name: "flow id used again before its f warns",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"X","name":"c","ts":15,"dur":20,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":13}
		{"ph":"s","name":"go","id":1,"ts":14}
		{"ph":"f","name":"go","id":1,"ts":15,"bp":"e","tid":2}`,
	want: `
		! flow_slice_start_error
		process 1
		  lane 1
		    p 10+20
		  lane 2
		    c 15+20
		flow p -> c at 13`,
}, {
	name: "s without f is silent",
	events: `
		{"ph":"X","name":"p","ts":10,"dur":20}
		{"ph":"s","name":"go","id":1,"ts":15}`,
	want: `
		process 1
		  lane 1
		    p 10+20`,
}, {
	name: "flow does not bind to async slices",
	events: `
		{"ph":"b","name":"a","id":"x","ts":10}
		{"ph":"e","name":"a","id":"x","ts":20}
		{"ph":"X","name":"c","ts":12,"dur":5,"tid":2}
		{"ph":"s","name":"go","id":1,"ts":12}
		{"ph":"f","name":"go","id":1,"ts":12,"bp":"e","tid":2}`,
	want: `
		! flow_slice_start_error
		! flow_slice_ordering_error
		process 1
		  lane 1
		    ~ a 10+10
		  lane 2
		    c 12+5`,
}}

var asyncFacts = []fact{{
	name: "async b without e warns and ends at the last event of its id",
	events: `
		{"ph":"b","name":"a","id":"x","ts":10}
		{"ph":"X","name":"p","ts":1,"dur":100}`,
	want: `
		! async_slice_parse_error
		process 1
		  lane 1
		    p 1+100
		    ~ a 10+0`,
}, {
	name: "async n is a mark and no warning, before its b and e too",
	events: `
		{"ph":"n","name":"a (open)","id":"x","ts":10}
		{"ph":"b","name":"a","id":"x","ts":10}
		{"ph":"e","name":"a","id":"x","ts":30}`,
	want: `
		process 1
		  lane 1
		    ~ a (open) 10+0
		    ~ a 10+20`,
}, {
	name: "async slices of one id nest, of different ids do not",
	events: `
		{"ph":"b","name":"a","id":"x","ts":10}
		{"ph":"b","name":"b","id":"x","ts":12}
		{"ph":"e","name":"b","id":"x","ts":15}
		{"ph":"e","name":"a","id":"x","ts":20}
		{"ph":"b","name":"c","id":"y","ts":13}
		{"ph":"e","name":"c","id":"y","ts":14}`,
	want: `
		process 1
		  lane 1
		    ~ a 10+10
		      ~ b 12+3
		    ~ c 13+1`,
}, {
	name: "async ids are shared by all processes",
	events: `
		{"ph":"b","name":"a","id":"x","ts":10}
		{"ph":"b","name":"a","id":"x","ts":12,"pid":2}
		{"ph":"e","name":"a","id":"x","ts":15,"pid":2}
		{"ph":"e","name":"a","id":"x","ts":20}`,
	want: `
		process 1
		  lane 1
		    ~ a 10+10
		      ~ a 12+3
		process 2`,
}, {
	name: "async e may be written before its b and in another lane",
	events: `
		{"ph":"e","name":"a","id":"x","ts":20,"tid":2}
		{"ph":"b","name":"a","id":"x","ts":10}`,
	want: `
		process 1
		  lane 1
		    ~ a 10+10`,
}, {
	name: "async e may repeat args",
	events: `
		{"ph":"b","name":"a","id":"x","ts":10,"args":{"spanstack.id":"x"}}
		{"ph":"e","name":"a","id":"x","ts":20,"args":{"spanstack.id":"x"}}`,
	want: `
		process 1
		  lane 1
		    ~ a 10+10 x`,
}}
