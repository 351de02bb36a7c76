import { spawn } from 'node:child_process'
import { chmod, copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { until } from '../until.ts'

const script = path.resolve(import.meta.dirname, '../desktop/desktop.sh')
const PASSED_ON = [
  'DISPLAY',
  'DBUS_SESSION_BUS_ADDRESS',
  'XDG_RUNTIME_DIR',
  'XAUTHORITY',
  'XDG_CURRENT_DESKTOP',
]

/** The test desktop of an ordinary user. */
export interface UserDesktop {
  /** What a program needs in its environment to be on that desktop. */
  env: Record<string, string>
  /** The directory that the sockets of that desktop are in. */
  directory: string
  close(): Promise<void>
}

/** Starts desktop.sh as this user. Close it in any case. */
export async function startUserDesktop(uid: number): Promise<UserDesktop> {
  const place = await mkdtemp('/tmp/holdfast-user-')
  await chmod(place, 0o777)
  // The checkout may be where that user cannot read.
  const copy = path.join(place, 'desktop.sh')
  await copyFile(script, copy)
  await chmod(copy, 0o755)
  const said = path.join(place, 'environment')
  const words = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', copy]
  const shell = ['sh', '-c', `env -0 > ${said}.new && mv ${said}.new ${said} && exec sleep infinity`]
  const child = spawn('setpriv', [...words, ...shell], {
    env: { PATH: process.env.PATH, HOME: place, TMPDIR: place },
    stdio: 'inherit',
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const close = async () => {
    child.kill('SIGTERM')
    await ended
    await rm(place, { recursive: true, force: true })
  }
  try {
    const text = await until('the desktop', () => readFile(said, 'utf8').catch(() => null))
    const all = Object.fromEntries(text.split('\0').map((pair) => pair.split(/=(.*)/s).slice(0, 2)))
    const env = Object.fromEntries(PASSED_ON.map((name) => [name, String(all[name] ?? '')]))
    return { env, directory: place, close }
  } catch (error) {
    await close()
    throw error
  }
}
