import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from '../until.ts'
import { commandScript } from './command-script.ts'

/** Matches a link to the web page, as it is printed. */
export const PAGE_LINK = /http:\/\/127\.0\.0\.1:\d+\/#once-[\w-]{43}/

/**
 * Runs `holdfast …` on a terminal, which script(1) of util-linux gives it: one that is on no desktop and at no end of
 * ssh, unless `env` says so.
 */
export function startOnTerminal(words: string[], env: Record<string, string> = {}) {
  const command = [process.execPath, commandScript, ...words].map((word) => `'${word}'`).join(' ')
  const { DISPLAY: _, WAYLAND_DISPLAY: __, SSH_CONNECTION: ___, ...bare } = process.env
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...bare, LANG: 'C', ...env } })
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  const ended = once(child, 'close')
  // It may have ended just before Ctrl-C.
  child.stdin.on('error', () => undefined)
  return {
    out: () => out,
    ended,
    /** Waits for the link that it prints. */
    link: () => until('a link', () => PAGE_LINK.exec(out)?.[0]),
    /** Types Ctrl-C, and waits for its end. */
    stop: async () => {
      if (child.exitCode === null) child.stdin.write('\x03')
      await ended
    },
  }
}
