import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import type { KernelLine } from '../../../core/check/evidence/evidence-messages.ts'
import { temporaryDirectory } from '../temporary.ts'

// Logs of the kernel, and a pipe that gives them in place of /dev/kmsg.

const directory = path.resolve(import.meta.dirname, '../../vectors/kernel-logs')

/** Names of the logs of failures, or of other troubles. */
export const logNames = (part: 'faults' | 'others') =>
  readdirSync(path.join(directory, part)).map((file) => file.replace(/\.txt$/, ''))

/** Reads a log in the form of dmesg(1); a line without a time continues the message before it. */
export function readLog(name: string): KernelLine[] {
  const lines: KernelLine[] = []
  for (const row of readFileSync(path.join(directory, `${name}.txt`), 'utf8').split('\n')) {
    const parts = /^\[ *(\d+\.\d+)\] (.*)$/.exec(row)
    const last = lines.at(-1)
    if (parts !== null) lines.push({ at: Number(parts[1]) * 1_000, level: 4, text: parts[2] ?? '' })
    else if (last !== undefined && row !== '' && !row.startsWith('#')) last.text += `\n${row}`
  }
  return lines
}

/** A pipe in place of /dev/kmsg. The kernel's own device gives one record for each read(2), a pipe several. */
export interface KernelPipe {
  file: string
  report(lines: readonly KernelLine[]): void
  close(): void
}

export function openKernelPipe(): KernelPipe {
  const file = path.join(temporaryDirectory('kmsg'), 'kmsg')
  execFileSync('mkfifo', [file])
  const out = openSync(file, constants.O_RDWR | constants.O_NONBLOCK)
  let sequence = 0
  return {
    file,
    report: (lines) => {
      for (const { at, level, text } of lines) {
        const record = `${level},${sequence},${Math.round(at * 1_000)},-;${text.replaceAll('\n', String.raw`\x0a`)}\n`
        sequence += 1
        writeSync(out, record)
      }
    },
    close: () => closeSync(out),
  }
}
