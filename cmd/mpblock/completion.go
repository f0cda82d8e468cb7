package main

import "mpblock/cmd/mpblock/ui"

// completionCmd prints what a shell reads to complete commands and flags: it has the
// shell ask the program itself, with the line so far in COMP_LINE.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

var completions = map[string]string{
	"bash": `# For this shell: source <(mpblock completion bash)
# For all: mpblock completion bash > /etc/bash_completion.d/mpblock
complete -C mpblock -o default mpblock
`,
	"zsh": `# For this shell: source <(mpblock completion zsh)
# For all: the same line in ~/.zshrc
autoload -U +X compinit && compinit -u
autoload -U +X bashcompinit && bashcompinit
complete -C mpblock -o default mpblock
`,
	"fish": `# For this shell: mpblock completion fish | source
# For all: mpblock completion fish > ~/.config/fish/completions/mpblock.fish
function __mpblock_complete
    set -lx COMP_LINE (commandline -cp)
    mpblock
end
complete -c mpblock -a '(__mpblock_complete)'
`,
}

// Run prints the completion of a shell.
func (c completionCmd) Run(t ui.Terminal) error { //nolint:unparam // kong wants an error
	t.Printf("%s", completions[c.Shell])
	return nil
}
