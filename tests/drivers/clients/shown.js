// Shows a client that has a token, as logs and errors do.
'use strict';
const { Client } = require('../../../clients/javascript/cachesd');

const client = new Client({ user: 'web', token: 'secret' });
client.call('ping').then(() => console.dir(client, { depth: 1 }));
