package main

import (
	"cmp"
	"os"
	"strings"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/server"
)

// demoLanguage is that of what the demo's operators have written: as it is asked for, or
// that of the shell.
func (c *serveCmd) demoLanguage() string {
	if c.DemoLanguage != "auto" {
		return c.DemoLanguage
	}
	if strings.HasPrefix(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")), "zh") {
		return server.DemoChinese
	}
	return server.DemoEnglish
}

// printDemo prints calls to paste into a shell.
func printDemo(t ui.Terminal, base, trust string) {
	curl := "curl -s"
	if trust != "" {
		curl += " --cacert " + trust
	}
	a, b := server.DemoOpenID(server.DemoBlocked+1), server.DemoOpenID(server.DemoBlocked+2)
	t.Printf(`
The account %[3]s has 30,000 followers; 23,000 of them are blocked. To paste into a shell:

  # a token, good for two hours
  TOKEN=$(%[1]s '%[2]s/cgi-bin/token?grant_type=client_credential&appid=%[3]s&secret=%[4]s' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

  # the blacklist, a page of 10,000 (the beginning of it)
  %[1]s "%[2]s/cgi-bin/tags/members/getblacklist?access_token=$TOKEN" -d '{"begin_openid":""}' | cut -c 1-160

  # block two followers
  %[1]s "%[2]s/cgi-bin/tags/members/batchblacklist?access_token=$TOKEN" -d '{"openid_list":["%[5]s","%[6]s"]}'; echo

  # unblock them
  %[1]s "%[2]s/cgi-bin/tags/members/batchunblacklist?access_token=$TOKEN" -d '{"openid_list":["%[5]s","%[6]s"]}'; echo

Ctrl-C stops the server.

`, curl, base, server.DemoAppID, server.DemoSecret, a, b)
}
