package api

import (
	"context"

	"mpblock"
	"mpblock/internal/wire"
)

func userInfo(ctx context.Context, x *exchange) error {
	a, err := x.authorize(ctx)
	if err != nil {
		return err
	}
	users, err := x.users(ctx, a.Account, x.r.URL.Query().Get("openid"))
	if err == nil {
		x.out = wire.AppendUser(x.out, users[0])
	}
	return err
}

func usersInfo(ctx context.Context, x *exchange) error {
	a, ids, err := asked(ctx, x, wire.UsersRequest)
	if err != nil {
		return err
	}
	users, err := x.users(ctx, a.Account, ids...)
	if err == nil {
		x.out = wire.AppendUsers(x.out, users)
	}
	return err
}

// users returns who OpenIDs are, with the remarks of those who follow. The name that a
// team gives to a person is its own, and is told to no program.
func (x *exchange) users(ctx context.Context, a *mpblock.Account, ids ...string) ([]wire.User, error) {
	own, states, err := x.Lists.Users(ctx, a, ids...)
	if err != nil {
		return nil, err
	}
	said, err := x.Remarks.Of(ctx, a.AppID, own)
	users := make([]wire.User, len(own))
	for i, id := range own {
		users[i] = wire.User{OpenID: id.String(), Follower: states[i].Follower, Remark: said[id].Remark}
	}
	return users, err
}

func setRemark(ctx context.Context, x *exchange) error {
	a, req, err := asked(ctx, x, wire.RemarkRequest)
	if err != nil {
		return err
	}
	id, err := x.Lists.Follower(ctx, a.Account, req.OpenID)
	if err != nil {
		return err
	}
	if err := x.Remarks.SetRemark(ctx, a.Account, a.Actor, id, req.Remark); err != nil {
		return err
	}
	x.out = wire.AppendOK(x.out)
	return nil
}

func send(ctx context.Context, x *exchange) error {
	a, to, err := asked(ctx, x, wire.MessageRequest)
	if err != nil {
		return err
	}
	if err := x.Lists.MayMessage(ctx, a.Account, to); err != nil {
		return err
	}
	x.out = wire.AppendOK(x.out)
	return nil
}
