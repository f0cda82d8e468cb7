package webhooks

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"mpblock"
	"mpblock/internal/feed"
	"mpblock/internal/webhooks/post"
)

// MaxOpenIDs is how many OpenIDs a message has; a change of more is several.
const MaxOpenIDs = 1_000

// message is a part of an event.
type message struct {
	event       feed.Event
	part, parts int // from 1
}

// messages returns the messages of an event, those of the parts after one.
func messages(e feed.Event, after int) (all []message) {
	parts := max(1, (len(e.OpenIDs)+MaxOpenIDs-1)/MaxOpenIDs)
	for part := after + 1; part <= parts; part++ {
		all = append(all, message{e, part, parts})
	}
	return all
}

// id returns what names the message, the same at each attempt. It has the time of the change,
// so that after a store was set back, another change with its revision has another.
func (m message) id(app mpblock.AppID) string {
	if n := m.event.Number; n != 0 {
		return fmt.Sprintf("msg_%s_protection_%d", app, n)
	}
	return fmt.Sprintf("msg_%s_%d_%d_%s", app, m.event.Seq, m.part, strconv.FormatInt(m.event.Time.UnixMilli(), 36))
}

// ids returns the OpenIDs of the message.
func (m message) ids() []mpblock.OpenID {
	begin := max(0, m.part-1) * MaxOpenIDs
	return m.event.OpenIDs[begin:min(begin+MaxOpenIDs, len(m.event.OpenIDs))]
}

// payload is the body of a message.
type payload struct {
	Type      feed.Kind `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	AppID       mpblock.AppID        `json:"appid"`
	Revision    uint64               `json:"revision,omitempty"`
	Protection  uint64               `json:"protection,omitempty"`
	Part        int                  `json:"part,omitempty"`
	Parts       int                  `json:"parts,omitempty"`
	Actor       string               `json:"actor,omitempty"`
	Reason      string               `json:"reason,omitempty"`
	Undoes      uint64               `json:"undoes,omitempty"`
	ExpireTime  *time.Time           `json:"expire_time,omitempty"`
	ExpireTimes map[string]time.Time `json:"expire_times,omitempty"`
	OpenIDs     []string             `json:"openids,omitempty"`
}

// post returns what is sent.
func (m message) post(app mpblock.AppID) (post.Message, error) {
	e := m.event
	d := data{AppID: app, Revision: e.Seq, Protection: e.Number, Part: m.part, Parts: m.parts, Actor: e.Actor, Reason: e.Reason, Undoes: e.Undoes}
	if !e.Until.IsZero() {
		until := e.Until.UTC()
		d.ExpireTime = &until
	}
	for _, id := range m.ids() {
		text := id.String()
		d.OpenIDs = append(d.OpenIDs, text)
		if end, ok := e.Ends[id]; ok {
			if d.ExpireTimes == nil {
				d.ExpireTimes = map[string]time.Time{}
			}
			d.ExpireTimes[text] = end.UTC()
		}
	}
	body, err := json.Marshal(payload{e.Kind, e.Time.UTC(), d})
	return post.Message{ID: m.id(app), Body: body}, err
}
