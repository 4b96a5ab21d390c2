// Package browsertest holds the tests that need a browser: they open traces in
// chrome://tracing's own viewer and compare what it shows with what the file
// says. So does the panel Performance of Chromium's DevTools. The files for
// speedscope and Firefox Profiler are loaded by those programs' own code: the
// release that package viewer/speedscope has, and what testdata/npm lists.
// TestViewer is about our own viewer: it runs what is in viewer/web/e2e, with the
// browser driver and the accessibility checker that package-lock.json there lists;
// BenchmarkViewer measures it. There is no code here that other packages could use.
//
// It is a module of its own, so that nobody who imports spanstack gets a
// browser driver among the dependencies. Run it with
//
//	cd browsertest && go test ./...
//
// The tests need Chromium, node and npm (Debian: apt-get install chromium nodejs
// npm) and the source part of the Go distribution. Without them they are skipped with the reason;
// SPANSTACK_REQUIRE_BROWSER=1 makes that a failure, and SPANSTACK_REQUIRE_NPM=1 the lack of
// what npm installs. TestDemoTrace needs the
// trace that "make demo" leaves, or the one that SPANSTACK_DEMO_TRACE names;
// SPANSTACK_REQUIRE_DEMO=1 forbids to skip it.
//
// Pictures of the viewer are compared with those in testdata/viewer. Look at what
// has changed (SPANSTACK_ARTIFACTS names the folder where it is left), and accept
// it with
//
//	go test -run TestViewer -update .
//
// TestDemoPicture and TestHungSend leave those of README.md and docs/viewer.md in that folder,
// and -update puts them there. TestHungSend needs the virtual machine of platformtest, and
// SPANSTACK_HUNG_SEND=1, for it takes a minute; SPANSTACK_REQUIRE_VM=1 forbids to skip it for
// want of a machine.
package browsertest
