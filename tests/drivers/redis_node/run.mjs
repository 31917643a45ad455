// Runs one program of ./programs: NAME SOCKET, where SOCKET is the Unix socket of a server that speaks
// Redis's dialect. The program fails when it throws, when it takes too long, and when any command got
// an error reply that the program does not expect: libraries keep quiet about some, so a relay between
// the program and the server reads every reply.
//
// A program is a module with
//     default      async ({ port, url, env }) => …: the normal use of a library; `port` is on 127.0.0.1
//     prefix       the text that its keys begin with, in the library's default settings; a program
//                  without it has no such text, and runs on a listener that is bound to a namespace
//     errors       a list of expressions: error replies that the program expects
import process from 'node:process';
import { startRelay } from './relay.mjs';

const SECONDS = Number(process.env.PROGRAM_SECONDS ?? 25);
// SCRIPT: the client then sends the script's text. The others: a server may be older than a client, and
// all clients go on without them.
const HARMLESS = [/^NOSCRIPT /];
const OPTIONAL = /^CLIENT (SETINFO|MAINT_NOTIFICATIONS)/i;

const [name, socket] = process.argv.slice(2);
const { default: run, errors = [] } = await import(`./programs/${name}.mjs`);
const expected = [...HARMLESS, ...errors];

function unexpected({ command, error }) {
  return !OPTIONAL.test(command) && !expected.some((expression) => expression.test(error));
}

function end(relay, why) {
  const wrong = relay.refused.filter(unexpected);
  for (const { command, error } of wrong) console.log(`error reply: ${command} → ${error}`);
  if (why) console.log(why.stack ?? why);
  if (why && relay.waiting()) console.log(`no reply yet: ${relay.waiting()}`);
  if (!why && !relay.count) console.log('the program sent nothing');
  process.exit(why || wrong.length || !relay.count ? 1 : 0);
}

const relay = await startRelay(socket);
setTimeout(() => end(relay, `not done after ${SECONDS} s`), SECONDS * 1000);
process.on('uncaughtException', (error) => end(relay, error));
process.on('unhandledRejection', (error) => end(relay, error ?? 'rejected with nothing'));
run({ port: relay.port, url: `redis://127.0.0.1:${relay.port}`, env: process.env }).then(() => end(relay), (error) => end(relay, error));
