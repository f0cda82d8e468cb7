package main

import (
	"slices"

	"github.com/alecthomas/kong"
	"github.com/posener/complete"

	"mpblock/cmd/mpblock/ui"
)

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

// commandsOf completes the words of a command as arguments, for mpblock help.
func commandsOf(root *kong.Node) complete.Predictor {
	return complete.PredictFunc(func(a complete.Args) (names []string) {
		node := root
		for _, word := range a.Completed {
			if i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word }); i >= 0 {
				node = node.Children[i]
			}
		}
		for _, child := range node.Children {
			if !child.Hidden {
				names = append(names, child.Name)
			}
		}
		return names
	})
}
