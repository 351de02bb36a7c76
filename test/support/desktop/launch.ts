import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { _electron, type ElectronApplication, type Page } from '@playwright/test'

const projectDirectory = path.resolve(import.meta.dirname, '../../..')

export interface LaunchOptions {
  /** Holdfast's own directory; a new one for each test. */
  dataDirectory: string
  /** Words after the application's directory, such as directories to protect. */
  args?: string[]
  /** What the application is started with besides this process's environment. */
  env?: Record<string, string>
  /** The application's directory; default: this checkout. */
  application?: string
  /** In a user namespace of its own, where the kernel counts watches by themselves: see limitWatches. */
  ownNamespace?: boolean
}

export interface LaunchedHoldfast {
  application: ElectronApplication
  /** Waits for the window's page. */
  window(): Promise<Page>
  /** The main process. */
  pid: number
  /** What both standard streams said, at most the last 100,000 characters. */
  output(): string
  /** Quits the application, by force if it does not go within some seconds. */
  close(): Promise<void>
}

const KEEP_CHARACTERS = 100_000
const CLOSE_WITHIN_MS = 10_000

/** Electron's executable, as `npm test` chooses it. */
export async function electronExecutable(): Promise<string> {
  const script = path.join(projectDirectory, 'build/setup.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--print-electron'], {
    env: { ...process.env, HOLDFAST_ELECTRON_STANDIN: '1' },
  })
  return stdout.trim()
}

/** The kernel's limit of watches for what was started with `ownNamespace`, and for nothing else on this computer. */
export const limitWatches = (pid: number, most: number) =>
  promisify(execFile)('nsenter', [
    ...['--user', '--target', String(pid)],
    ...['sh', '-c', `echo ${most} >/proc/sys/user/max_inotify_watches`],
  ])

/** A program that becomes another one in a user namespace, with its process id: root there is root here. */
async function unshared(executable: string, directory: string): Promise<string> {
  const script = path.join(directory, 'unshared')
  const text = `#!/bin/sh\nexec unshare --user --map-root-user '${executable}' "$@"\n`
  await writeFile(script, text, { mode: 0o755 })
  return script
}

/** Starts the built application with a window, a tray icon and data of its own. Close it in any case. */
export async function launchHoldfast(options: LaunchOptions): Promise<LaunchedHoldfast> {
  const { dataDirectory, args = [], env = {}, application: directory = projectDirectory } = options
  await mkdir(dataDirectory, { recursive: true })
  const executable = await electronExecutable()
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const environment: Record<string, string> = {
    ...Object.fromEntries(inherited),
    HOLDFAST_HOME: dataDirectory,
    ...env,
  }
  delete environment.ELECTRON_RUN_AS_NODE
  const application = await _electron.launch({
    executablePath: options.ownNamespace ? await unshared(executable, dataDirectory) : executable,
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), directory, ...args],
    env: environment,
    timeout: 60_000,
  })
  const child = application.process()
  let said = ''
  const keep = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-KEEP_CHARACTERS)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return {
    application,
    window: () => application.firstWindow({ timeout: 60_000 }),
    pid: child.pid ?? -1,
    output: () => said,
    close: async () => {
      const force = setTimeout(() => child.kill('SIGKILL'), CLOSE_WITHIN_MS)
      try {
        await application.close()
      } finally {
        clearTimeout(force)
      }
    },
  }
}
