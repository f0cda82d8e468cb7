package platform

import "context"

// Run does what nobody waits for, until ctx ends: it runs jobs, counts changes for
// the overview, and writes down the calls. It is to run on every node, once; nodes
// share the work. Report is told of errors that it will try to overcome by itself.
func (p *Platform) Run(ctx context.Context, report func(error)) error { return errSoon }
