'use strict';

// Lets a Go test drive a library. A call is a line of JSON on standard input, like
// {"call":"block","arg":["o…"]}. Its answer is a line on standard output: what the
// library returned, or {"error":"…"}, what it threw.

const readline = require('readline');

exports.appID = process.env.APPID;
exports.secret = process.env.SECRET;

// The address of the server, or undefined: then the library is not pointed anywhere.
exports.base = process.env.BASE || undefined;

exports.drive = async (library) => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { call, arg } = JSON.parse(line);
    let answer;
    try {
      answer = await library[call](arg);
    } catch (err) {
      answer = { error: `${err.name} ${err.code} ${err.message}` };
    }
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
};
