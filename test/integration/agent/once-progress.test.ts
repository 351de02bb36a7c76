import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { holdfast } from '../../support/agent/two-receivers.ts'
import { commandScript } from '../../support/cli/command-script.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** What erases the bar, before the next one or for good. */
const ERASED = '\r\x1b[K'

// script(1) of util-linux gives a program a terminal.
test.skipIf(process.platform !== 'linux')(
  '`send --once`: a progress bar is shown on a terminal and erased at the end; in a pipe there is none',
  async () => {
    const [root, data] = [temporaryDirectory('bar'), temporaryDirectory('bar-data')]
    const words = ['send', '--once', '--data', data, root]
    writeFileSync(path.join(root, 'large'), Buffer.alloc(2 << 20, 'x'))
    await holdfast(['settings', 'limit', '512K', '--data', data])
    const command = [process.execPath, commandScript, ...words].map((word) => `'${word}'`).join(' ')
    const { stdout } = await promisify(execFile)(
      'script',
      ['--quiet', '--return', '--command', command, '/dev/null'],
      {
        env: { ...process.env, LANG: 'C' },
      },
    )
    const bars = stdout.split(ERASED).flatMap((text) => {
      // What does not fit into its line is left out.
      const bar = /^\[#*-*\] +(\d+)% {2}[\d.]+ \w+ of 2 MiB {2}[^\n]{1,50}$/.exec(text)
      return bar === null ? [] : [Number(bar[1])]
    })
    // A second has three looks.
    expect(bars.length).toBeGreaterThan(4)
    expect(bars).toEqual(bars.toSorted((a, b) => a - b))
    expect(bars.some((percent) => percent > 0 && percent < 100)).toBe(true)
    expect(stdout.split(ERASED).at(-1)).toMatch(/^1 file is copied, on this computer only\. [^\r]*\r\n$/)

    writeFileSync(path.join(root, 'another'), Buffer.alloc(1 << 20, 'y'))
    const piped = startHoldfast(words)
    expect(await piped.ended()).toBe(0)
    expect([piped.out(), piped.err()]).toEqual([expect.stringMatching(/^2 files are copied/), ''])
  },
)
