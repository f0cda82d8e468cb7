'use strict';

// co-wechat-api has tokens, their renewal and its errors, and no calls of the blacklist.
// A program makes them by the library's own request.

const WechatAPI = require('co-wechat-api');
const { appID, secret, base, drive } = require('./driver');

const api = new WechatAPI(appID, secret);
if (base) {
  api.prefix = base + '/cgi-bin/';
}

const post = async (call, body) => {
  const { accessToken } = await api.ensureAccessToken();
  return api.request(`${api.prefix}tags/members/${call}?access_token=${accessToken}`, {
    method: 'POST',
    data: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  });
};

drive({
  list: (after) => post('getblacklist', { begin_openid: after }),
  block: (ids) => post('batchblacklist', { openid_list: ids }),
  unblock: (ids) => post('batchunblacklist', { openid_list: ids }),
  user: (id) => api.getUser(id),
  users: (ids) => api.batchGetUsers(ids),
  remark: ([id, remark]) => api.updateRemark(id, remark),
  send: (id) => api.sendText(id, 'hello'),
});
