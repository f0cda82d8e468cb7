'use strict';

// wechat-api has tokens and their renewal, and no calls of the blacklist. A program adds
// them by the library's own mixin. It speaks https only.

const { promisify } = require('util');
const WechatAPI = require('wechat-api');
const { appID, secret, base, drive } = require('./driver');

const methods = {};
for (const call of ['getblacklist', 'batchblacklist', 'batchunblacklist']) {
  methods['_' + call] = function (body, callback) {
    const url = `${this.endpoint}/cgi-bin/tags/members/${call}?access_token=${this.token.accessToken}`;
    this.request(url, {
      type: 'POST',
      dataType: 'json',
      data: body,
      headers: { 'Content-Type': 'application/json' },
    }, callback);
  };
  methods[call] = function (...args) {
    this.preRequest(this['_' + call], args);
  };
}
WechatAPI.mixin(methods);

const api = new WechatAPI(appID, secret);
if (base) {
  api.setEndpoint(new URL(base).host);
}

const post = (call, body) => promisify(api[call]).call(api, body);

drive({
  list: (after) => post('getblacklist', { begin_openid: after }),
  block: (ids) => post('batchblacklist', { openid_list: ids }),
  unblock: (ids) => post('batchunblacklist', { openid_list: ids }),
});
