import { mkdirSync, renameSync, statSync } from 'node:fs'
import path from 'node:path'
import pino, { type Logger } from 'pino'
import { errorCode } from '../words/problem.ts'

const LARGEST_LOG = 8 * 1024 * 1024

/**
 * Opens the agent's log, JSON lines in logs/agent.log. The one before is kept as agent.log.1 when it has
 * grown large; secrets are never given to it.
 */
export function openLog(directory: string): Logger {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = path.join(directory, 'agent.log')
  turnOver(file)
  const destination = pino.destination({ dest: file, sync: false })
  let written = 0
  destination.on('write', (bytes: number) => {
    written += bytes
    if (written < LARGEST_LOG) return
    written = 0
    turnOver(file)
    destination.reopen()
  })
  return pino({ level: 'info', base: {} }, destination)
}

function turnOver(file: string): void {
  try {
    if (statSync(file).size > LARGEST_LOG) renameSync(file, `${file}.1`)
  } catch (thrown) {
    if (errorCode(thrown) !== 'ENOENT') throw thrown
  }
}
