import type { Readable, Writable } from 'node:stream'
import { message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import type { ConcurrencyLimit } from '../concurrency-limit.ts'
import type { ProbeReadResult } from '../probes/read.ts'
import { createLineSplitter, type Line } from './command.ts'
import { formatEvent } from './event.ts'
import { createEventOutput, type StdioLog } from './outputs.ts'
import { type StdioOptions, StdioSession } from './stdio-session.ts'

export interface StdioPorts {
  input: Readable
  output: Writable
  log: StdioLog
  /** Reads a path once; never resolves if its file system hangs. */
  readFile(path: Buffer): Promise<ProbeReadResult>
  limit: ConcurrencyLimit
  options: StdioOptions
}

/** Serves the protocol until the input ends; resolves when every queued reply is passed on. */
export async function serveStdio(ports: StdioPorts): Promise<void> {
  const { input, output, options, limit, readFile, log } = ports
  const events = createEventOutput(output, (event) => formatEvent(event, options))
  const session = new StdioSession(options, {
    say: events.say,
    read: (path) => limit.run(() => readFile(Buffer.from(path, 'latin1'))),
    isBehind: events.isBehind,
    warn: (key, path) => log('WARNING', englishWords(message(key, { path }))),
  })
  events.onRelief(() => {
    session.goOn()
    input.resume()
  })
  await takeLines(input, (line) => {
    if (line.kind === 'line') session.line(line.text)
    else session.tooLong()
    if (events.isBehind()) input.pause()
  })
  await session.end()
  await events.drained()
}

/** Resolves at the end of input. */
async function takeLines(input: Readable, take: (line: Line) => void): Promise<void> {
  const splitter = createLineSplitter()
  await new Promise<void>((resolve) => {
    input.on('data', (chunk: Buffer) => splitter.push(chunk).forEach(take))
    input.once('end', resolve)
    // A broken input counts as ended.
    input.once('error', () => resolve())
    input.once('close', resolve)
  })
  splitter.end().forEach(take)
}
