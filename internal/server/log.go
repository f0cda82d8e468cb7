package server

import (
	"context"
	"errors"
	"log/slog"

	"mpblock"
	"mpblock/internal/api"
	v1 "mpblock/internal/v1"
)

// observe writes the log line of a call and counts it.
func (s *Server) observe(w *stack, r api.Request) {
	s.metrics.Observe(r.Call, int(r.Code), r.Duration)
	if r.AppID != "" && r.Call != "" {
		w.rules.access.CountCall(r.AppID, r.Call, int(r.Code))
	}
	log, level := s.cfg.CallLog, slog.LevelInfo
	attrs := append(make([]slog.Attr, 0, 8), // with a program's name too
		slog.String("id", r.ID), slog.String("call", string(r.Call)), slog.Int("errcode", int(r.Code)),
		slog.Duration("took", r.Duration), slog.Int("bytes", r.Bytes), slog.String("appid", string(r.AppID)),
		slog.String("remote", r.Remote.String()),
	)
	if r.Program != "" {
		attrs = append(attrs, slog.String("program", r.Program))
	}
	if r.Call == "" {
		attrs = append(attrs, slog.String("method", r.Method))
	}
	if r.Err != nil && r.Err.Detail != "" {
		attrs = append(attrs, slog.String("detail", r.Err.Detail))
	}
	if r.Err != nil && r.Err.Err != nil {
		attrs = append(attrs, slog.String("cause", r.Err.Err.Error()))
		if !errors.Is(r.Err.Err, context.Canceled) { // the client went away: nobody's fault
			log, level = s.cfg.Log, slog.LevelError
		}
	}
	if ctx := context.Background(); log.Enabled(ctx, level) { // without the place in the code, which costs as much as the metrics
		line := slog.NewRecord(r.Start.Add(r.Duration), level, "call", 0)
		line.AddAttrs(attrs...)
		_ = log.Handler().Handle(ctx, line) // there is nobody to tell
	}
}

// observeNative writes the log line of a call of the native API and counts it. Its errcode
// is 0 where it went well, else the status.
func (s *Server) observeNative(w *stack, r v1.Request) {
	call, code := mpblock.Call(""), 0
	if r.Call != "" {
		call = mpblock.Call("v1/" + r.Call)
	}
	if errors.Is(r.Err, context.Canceled) { // nobody was there to be answered; nginx calls it so
		r.Status, r.Code, r.Detail = 499, "canceled", "the caller went away before the answer"
	}
	if r.Code != "" {
		code = r.Status
	}
	s.metrics.Observe(call, code, r.Duration)
	if r.AppID != "" && call != "" {
		w.rules.access.CountCall(r.AppID, call, code)
	}
	log, level := s.cfg.CallLog, slog.LevelInfo
	attrs := append(make([]slog.Attr, 0, 8), // with a program's name and a code too
		slog.String("call", string(call)), slog.Int("status", r.Status), slog.Duration("took", r.Duration),
		slog.Int("bytes", r.Bytes), slog.String("appid", string(r.AppID)), slog.String("remote", r.Remote.String()),
	)
	if r.Program != "" {
		attrs = append(attrs, slog.String("program", r.Program))
	}
	if r.Call == "" {
		attrs = append(attrs, slog.String("method", r.Method))
	}
	if r.Code != "" {
		attrs = append(attrs, slog.String("code", r.Code), slog.String("detail", r.Detail))
	}
	if r.Err != nil {
		attrs = append(attrs, slog.String("cause", r.Err.Error()))
		if !errors.Is(r.Err, context.Canceled) {
			log, level = s.cfg.Log, slog.LevelError
		}
	}
	log.LogAttrs(context.Background(), level, "call", attrs...)
}
