// Package overapi is the commands that speak to a server over its API, as any client
// does: mpblock's or the real one.
package overapi

// Commands is all of them.
type Commands struct {
	List    listCmd    `cmd:"" group:"Over the API of any server:" help:"Print the blacklist."`
	Block   blockCmd   `cmd:"" group:"Over the API of any server:" help:"Block any number of OpenIDs."`
	Unblock unblockCmd `cmd:"" group:"Over the API of any server:" help:"Unblock any number of OpenIDs."`
	Watch   watchCmd   `cmd:"" group:"Over the API of any server:" help:"Print the changes of the blacklist as they come. Takes mpblock's native API."`
	Diff    diffCmd    `cmd:"" group:"Over the API of any server:" help:"Show what differs between the blacklist and a file."`
	Apply   applyCmd   `cmd:"" group:"Over the API of any server:" help:"Make the blacklist equal to a file."`
	Status  statusCmd  `cmd:"" group:"Over the API of any server:" help:"Show how far a job is."`
	Jobs    jobsCmd    `cmd:"" group:"Over the API of any server:" help:"List the jobs that were begun here."`
	Undo    undoCmd    `cmd:"" group:"Over the API of any server:" help:"Take back what a job has done."`
	Resume  resumeCmd  `cmd:"" group:"Over the API of any server:" help:"Go on with a job that was cancelled, killed or stopped."`
	Probe   probeCmd   `cmd:"" group:"Over the API of any server:" help:"Ask a server what changes nothing, and show where it answers unlike mpblock."`
}
