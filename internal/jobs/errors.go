package jobs

import "mpblock"

var (
	errJobRunning    = mpblock.NewError(mpblock.Conflict, "job.running", "the job %q still runs: stop it first, or wait for its end")
	errJobNoChange   = mpblock.NewError(mpblock.Conflict, "job.no_change", "the job %q has changed nothing: there is nothing to undo")
	errJobAction     = mpblock.NewError(mpblock.Invalid, "job.action", "a job blocks or unblocks")
	errDraftsFull    = mpblock.NewError(mpblock.Limited, "job.drafts_full", "this list has %d OpenIDs, and lists of this account that nobody has started have %d already, of %d that they may have: start or drop one of those, or wait until they go by themselves, a day after they came")
	errJobStarted    = mpblock.NewError(mpblock.Conflict, "job.started", "the job %q has been started")
	errJobNotRunning = mpblock.NewError(mpblock.Conflict, "job.not_running", "the job %q does not run")
	errNoJob         = mpblock.NewError(mpblock.NotFound, "job.none", "there is no job %q: a list that was not started is kept for %d hours, a job that has ended for %d days")
)
