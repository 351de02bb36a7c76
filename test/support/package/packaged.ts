import { spawn } from 'node:child_process'
import { chromium, type Page } from '@playwright/test'
import { until } from '../until.ts'

/** A packaged application that runs. */
export interface Packaged {
  page: Page
  /** What was started: the main process, or what it was started through. */
  pid: number
  output(): string
  /** Asks it to quit, and waits until it has. */
  close(): Promise<void>
}

const KEEP_CHARACTERS = 100_000

/**
 * Starts a packaged application. Its fuses keep Node's inspector out, so the page is reached by Chromium's own
 * protocol; close it in any case.
 * @param command the executable and its words; the environment is this process's and `env`.
 */
export async function launchPackaged(
  [program, ...words]: [string, ...string[]],
  env: Record<string, string> = {},
): Promise<Packaged> {
  const child = spawn(program, [...words, '--remote-debugging-port=0'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-KEEP_CHARACTERS)
    })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const close = async () => {
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(force)
  }
  try {
    const address = await until(
      'the page of the packaged application',
      () => /DevTools listening on (ws:\S+)/.exec(said)?.[1],
    )
    const browser = await chromium.connectOverCDP(address)
    const page = await until('its window', () => browser.contexts()[0]?.pages()[0])
    return { page, pid: child.pid ?? -1, output: () => said, close }
  } catch (error) {
    await close()
    throw new Error(`the packaged application did not start: ${said}`, { cause: error })
  }
}
