// Package logrbridge gives libraries that log by [logr.Logger], as Kubernetes' do, the log that everything else goes
// to:
//
//	ctrl.SetLogger(logrbridge.New(ctx, "controller"))
//
// Its lines have the ID stack of the task that ctx has, the subsystem, and the fields of ctx.
package logrbridge
