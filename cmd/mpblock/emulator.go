package main

import (
	"net"
	"net/netip"
	"strings"

	"mpblock/cmd/mpblock/emulate"
	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/emulator"
	"mpblock/internal/pebblestore"
	"mpblock/internal/seed"
	"mpblock/internal/server"
)

// noControl is the value of --control-listen of an emulator without that door.
const noControl = "off"

// emulates tells whether the flags make the server an emulator. It is asked before the
// directory of the data is chosen.
func (c *serveCmd) emulates() bool {
	return c.ControlListen != "" && c.ControlListen != noControl || c.Seed != "" && c.Store == "" || c.Demo && c.Data == "" && c.Store == ""
}

func (c *serveCmd) emulation() (*server.Emulation, error) {
	e := &server.Emulation{Journal: c.Journal, Listen: c.ControlListen}
	switch c.ControlListen {
	case "":
		e.Listen, e.AnyPort = strings.TrimPrefix(emulate.DefaultControl, "http://"), true
	case noControl:
		e.Listen = ""
	}
	if c.Seed == "" {
		return e, nil
	}
	var err error
	if e.Seed, err = seed.Load(c.Seed); err != nil {
		return nil, ui.Failure{Code: ui.CodeUsage, Err: err, Hint: "docs/emulator.md lists what a seed has"}
	}
	return e, nil
}

func (c *serveCmd) validateEmulator() error {
	if c.Journal < 1 || c.Journal > emulator.MaxJournal {
		return ui.Failed(ui.CodeUsage, "mpblock serve --journal 10000", "--journal %d: want 1 to %d", c.Journal, emulator.MaxJournal)
	}
	flag := "--control-listen"
	switch {
	case c.ControlListen != "" && c.ControlListen != noControl:
	case c.Seed != "":
		flag = "--seed"
	default:
		return nil
	}
	if c.Store != "" {
		return ui.Failed(ui.CodeUsage, "leave --store out, or "+flag, "%s makes it an emulator, which keeps everything in memory and no store", flag)
	}
	if _, _, err := net.SplitHostPort(c.ControlListen); err != nil && flag == "--control-listen" {
		return ui.Failed(ui.CodeUsage, "mpblock serve --control-listen "+strings.TrimPrefix(emulate.DefaultControl, "http://"), "--control-listen %s: %w", c.ControlListen, err)
	}
	if c.Data == "" {
		return nil
	}
	if pebblestore.Exists(c.Data) {
		return ui.Failed(ui.CodeUsage, "give it another --data, or none",
			"the data directory %s holds a store, and %s makes it an emulator, which keeps everything in memory and would not read it", c.Data, flag)
	}
	return nil
}

// warnControl says that the control door is open to others.
func (c *serveCmd) warnControl(t ui.Terminal, s *server.Server) {
	at := strings.TrimPrefix(s.ControlURL(), "http://")
	if ap, err := netip.ParseAddrPort(at); err == nil && !ap.Addr().IsLoopback() || strings.HasPrefix(c.ControlListen, ":") || strings.HasPrefix(c.ControlListen, "0.0.0.0:") || strings.HasPrefix(c.ControlListen, "[::]:") {
		newLogger(c.LogFormat, t.Err).Warn("the control door asks nobody who they are, and is open to other machines", "control-listen", c.ControlListen)
	}
}
