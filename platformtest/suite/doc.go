// Package suite holds the tests that need a real OpenZFS. They are ordinary Go tests. Package platformtest runs them
// in virtual machines; by hand it goes like this:
//
//	CGO_ENABLED=0 go test -c -o suite.test ./platformtest/suite
//	sudo SPANSTACK_PLATFORM=1 ./suite.test -test.v
//
// They make pools of their own, named spanstack_test_..., of sparse files, and destroy them afterwards.
//
//	SPANSTACK_PLATFORM     1 turns the tests on: what they need is then missing at their peril. Otherwise they are skipped.
//	SPANSTACK_POOL_DIR     directory for the pools' files (up to 1 GiB) and mount points; default: the temporary directory
//	SPANSTACK_ZFS_MODULE   stock or taskq: the kind of kernel module that must be there. With taskq, zfs send writes its
//	                       stream from another kernel thread, and SIGKILL doesn't end it while its pipe is full.
//	SPANSTACK_ZFERRY       the program zferry; without it, its tests are skipped
//	SPANSTACK_OUT          directory in which the tests leave files that are worth a look; default: none are left
//	SPANSTACK_SEED         the seed that a test of random choices has logged, to repeat them
//	SPANSTACK_CLOSES       how many streams TestRandomCloses closes; default: 100
//	SPANSTACK_ROUNDS       how many rounds TestFerryRounds takes; default: 4
package suite
