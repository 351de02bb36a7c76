import { readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { freeName } from '../files/free-name.ts'
import { replaceFile } from '../files/replace-file.ts'
import { errorCode, errorText } from '../files/system-error.ts'
import { Problem } from '../words/problem.ts'
import { refuseValue, secretFieldsOf } from './channels/catalog.ts'
import type { ChannelSettings } from './settings.ts'

/** Seals what is written and opens what is read; null: the file's mode alone protects it. */
export interface Seal {
  seal(secret: string): string | null
  open(sealed: string): string | null
}

/** plain: as it is; sealed: what the desktop's keyring has made of it. */
const valueSchema = z.union([z.object({ plain: z.string() }), z.object({ sealed: z.string() })])
const fileSchema = z.object({
  version: z.literal(1),
  channels: z.record(z.string(), z.record(z.string(), valueSchema)),
})
type Stored = z.infer<typeof fileSchema>['channels']

export type Secrets = Record<string, Record<string, string>>

/** The secrets of channels, in a file that this user alone may read. */
export interface SecretStore {
  /** By the channels' ids and the names of the catalogue. What cannot be opened here is left out. */
  get(): Secrets
  /** Ids of channels that have secrets which cannot be opened here. */
  unreadable(): string[]
  /**
   * An empty value is taken away, one that is left out stays.
   * @throws Problem alert.secretUnknown, alert.secretMissing, alert.secretInvalid, alert.secretsNotKept
   */
  set(channel: Pick<ChannelSettings, 'id' | 'type'>, changes: Readonly<Record<string, string>>): Promise<void>
  /** Forgets all channels but these. */
  keepOnly(ids: ReadonlySet<string>): Promise<void>
}

export function openSecrets(dataDirectory: string, seal: Seal | null): SecretStore {
  const file = path.join(dataDirectory, 'secrets.json')
  let stored = read(file)
  /** Opening may be slow, and is asked for all the time. */
  let known: { secrets: Secrets; unreadable: string[] } | null = null
  const write = async (next: Stored) => {
    try {
      await replaceFile(file, `${JSON.stringify({ version: 1, channels: next }, null, 2)}\n`)
    } catch (thrown) {
      throw new Problem('alert.secretsNotKept', { file, reason: errorText(thrown) }, { cause: thrown })
    }
    stored = next
    known = null
  }
  const opened = (value: z.infer<typeof valueSchema>) =>
    'plain' in value ? value.plain : (seal?.open(value.sealed) ?? null)
  const sealed = (secret: string) => {
    const made = seal?.seal(secret) ?? null
    return made === null ? { plain: secret } : { sealed: made }
  }
  const open = () => {
    const secrets: Secrets = {}
    const unreadable: string[] = []
    for (const [id, values] of Object.entries(stored)) {
      const opening = Object.entries(values).map(([name, value]) => [name, opened(value)] as const)
      if (opening.some(([, secret]) => secret === null)) unreadable.push(id)
      secrets[id] = Object.fromEntries(opening.flatMap(([name, one]) => (one === null ? [] : [[name, one]])))
    }
    return { secrets, unreadable }
  }
  const opening = () => {
    known ??= open()
    return known
  }
  return {
    get: () => opening().secrets,
    unreadable: () => opening().unreadable,
    async set({ id, type }, changes) {
      const before = stored[id] ?? {}
      const unknown = Object.keys(changes).find(
        (name) => !secretFieldsOf(type).some((field) => field.name === name),
      )
      if (unknown !== undefined) throw new Problem('alert.secretUnknown', { type, field: unknown })
      const next = { ...before }
      for (const field of secretFieldsOf(type)) {
        const given = changes[field.name]?.trim()
        if (given === undefined && field.name in before) continue
        const why = refuseValue(field, given ?? '')
        const said = { field: field.name }
        if (why !== null)
          throw new Problem(why === 'missing' ? 'alert.secretMissing' : 'alert.secretInvalid', said)
        if (given === undefined || given === '') delete next[field.name]
        else next[field.name] = sealed(given)
      }
      if (Object.keys(next).length > 0 || id in stored) await write({ ...stored, [id]: next })
    },
    async keepOnly(ids) {
      const next = Object.fromEntries(Object.entries(stored).filter(([id]) => ids.has(id)))
      if (Object.keys(next).length < Object.keys(stored).length) await write(next)
    },
  }
}

/** What cannot be used is set aside, never erased: the channels then say that their secrets are missing. */
function read(file: string): Stored {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return {}
    throw new Problem('alert.secretsNotKept', { file, reason: errorText(thrown) }, { cause: thrown })
  }
  try {
    return fileSchema.parse(JSON.parse(text)).channels
  } catch {
    renameSync(file, freeName(file, 'set-aside'))
    return {}
  }
}
