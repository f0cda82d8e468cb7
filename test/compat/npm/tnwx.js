'use strict';

// tnwx has all three calls. Its addresses are static properties.

const { AccessTokenApi, ApiConfig, ApiConfigKit, UserApi } = require('tnwx');
const { appID, secret, base, drive } = require('./driver');

if (base) {
  const point = (url) => url.replace('https://api.weixin.qq.com', base);
  AccessTokenApi.url = point(AccessTokenApi.url);
  for (const name of ['getBlackListUrl', 'batchBlackListUrl', 'batchUnBlackListUrl']) {
    UserApi[name] = point(UserApi[name]);
  }
}
ApiConfigKit.putApiConfig(new ApiConfig(appID, secret));

drive({
  list: (after) => UserApi.getBlackList(after),
  block: (ids) => UserApi.batchBlackList(ids),
  unblock: (ids) => UserApi.batchUnBlackList(ids),
});
