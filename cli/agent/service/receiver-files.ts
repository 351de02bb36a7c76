import { existsSync } from 'node:fs'
import { chown, lstat, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { UserError } from '../../../core/lib/i18n/user-error.ts'
import { mustRun, output } from './run.ts'

/** The default user of a receiver that is a system service. */
export const RECEIVER_USER = 'holdfast'

const configSchema = z.looseObject({ store: z.string().min(1) })

/**
 * Returns the store that a receiver's configuration names, or that a new one is going to name.
 *
 * @param given the store on the command line
 * @throws UserError cli.service.storeWanted, cli.service.storeOther
 */
export async function readConfiguredStore(config: string, given: string | undefined): Promise<string> {
  if (existsSync(config)) {
    const { store } = configSchema.parse(JSON.parse(await readFile(config, 'utf8')))
    if (given !== undefined && path.resolve(given) !== store)
      throw new UserError('cli.service.storeOther', { config, store })
    return store
  }
  if (given === undefined) throw new UserError('cli.service.storeWanted', { config })
  return path.resolve(given)
}

/** @returns true if the configuration was created. */
export async function writeConfig(config: string, store: string): Promise<boolean> {
  if (existsSync(config)) return false
  await mkdir(path.dirname(config), { recursive: true })
  await writeFile(config, `${JSON.stringify({ store }, null, 2)}\n`, { mode: 0o644 })
  return true
}

async function readId(user: string, which: '-u' | '-g'): Promise<number | null> {
  const said = await output(['id', which, user])
  return said === null ? null : Number(said.trim())
}

/**
 * Creates the user of a system receiver, if it is the default one, and the store. Preconditions are checked first, so
 * that a failure leaves nothing behind.
 *
 * @throws UserError cli.service.noUser, cli.service.storeOwner
 */
export async function readyStore(store: string, user: string): Promise<void> {
  const before = await readId(user, '-u')
  if (before === null && user !== RECEIVER_USER) throw new UserError('cli.service.noUser', { user })
  const isThere = existsSync(store)
  if (isThere && (await lstat(store)).uid !== before)
    throw new UserError('cli.service.storeOwner', { path: store, user })
  if (before === null) {
    const home = '/var/lib/holdfast'
    await mustRun(['useradd', '--system', '--home-dir', home, '--shell', '/usr/sbin/nologin', user])
  }
  const [uid, gid] = [await readId(user, '-u'), await readId(user, '-g')]
  if (uid === null || gid === null) throw new UserError('cli.service.noUser', { user })
  if (isThere) return
  await mkdir(store, { recursive: true, mode: 0o700 })
  await chown(store, uid, gid)
}
