import { existsSync } from 'node:fs'
import { chown, lstat, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { Problem } from '../../core/words/problem.ts'
import { mustRun, output } from './run.ts'

/** Who a receiver of the system runs as, unless it is said otherwise. */
export const RECEIVER_USER = 'holdfast'

const configSchema = z.looseObject({ store: z.string().min(1) })

/**
 * The store that a receiver's configuration names; the file is made where there is none.
 *
 * @param given as the command line has it
 * @throws Problem cli.service.storeWanted, cli.service.storeOther
 */
export async function storeOf(config: string, given: string | undefined): Promise<string> {
  if (existsSync(config)) {
    const { store } = configSchema.parse(JSON.parse(await readFile(config, 'utf8')))
    if (given !== undefined && path.resolve(given) !== store)
      throw new Problem('cli.service.storeOther', { config, store })
    return store
  }
  if (given === undefined) throw new Problem('cli.service.storeWanted', { config })
  const store = path.resolve(given)
  await mkdir(path.dirname(config), { recursive: true })
  await writeFile(config, `${JSON.stringify({ store }, null, 2)}\n`, { mode: 0o644 })
  return store
}

async function idOf(user: string, which: '-u' | '-g'): Promise<number | null> {
  const said = await output(['id', which, user])
  return said === null ? null : Number(said.trim())
}

/**
 * The user of a receiver of the system, made where it is the usual one, and its store.
 *
 * @throws Problem cli.service.noUser, cli.service.storeOwner
 */
export async function readyStore(store: string, user: string): Promise<void> {
  if (user === RECEIVER_USER && (await idOf(user, '-u')) === null) {
    const home = '/var/lib/holdfast'
    await mustRun(['useradd', '--system', '--home-dir', home, '--shell', '/usr/sbin/nologin', user])
  }
  const [uid, gid] = [await idOf(user, '-u'), await idOf(user, '-g')]
  if (uid === null || gid === null) throw new Problem('cli.service.noUser', { user })
  if (!existsSync(store)) {
    await mkdir(store, { recursive: true, mode: 0o700 })
    await chown(store, uid, gid)
  }
  if ((await lstat(store)).uid !== uid) throw new Problem('cli.service.storeOwner', { path: store, user })
}
