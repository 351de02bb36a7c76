import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../../files/replace-file.ts'
import { errorCode } from '../../files/system-error.ts'

const fingerprint = z.string().regex(/^[0-9a-f]{64}$/)

/** What is known of a receiver's certificates, beyond the one that it was paired with. */
const pinSchema = z.object({
  current: fingerprint,
  next: fingerprint.nullable(),
  /** This computer's next certificate, once the receiver has said that it has pinned it. */
  confirmed: fingerprint.nullable(),
})
export type Pin = z.infer<typeof pinSchema>

const fileSchema = z.object({ version: z.literal(1), pin: pinSchema })
/** All receivers in one file, which several processes could not change; only read now. */
const formerSchema = z.object({ version: z.literal(1), receivers: z.record(fingerprint, pinSchema) })

/** Pins by the fingerprint that the receiver had when it was paired: the settings keep that one. */
export interface PinnedReceivers {
  /** Of a receiver that another process sends to: what that one has last written. */
  of(paired: string): Pin
  /** Resolves when it is durable. */
  put(paired: string, pin: Pin): Promise<void>
}

/**
 * Opens the pins of an identity's directory: a file for each receiver, as each is written by the process that sends
 * there alone.
 */
export function openPinnedReceivers(directory: string, notice: (text: string) => void): PinnedReceivers {
  const written = new Map<string, Pin>()
  const places = path.join(directory, 'receivers')
  const fileOf = (paired: string) => path.join(places, `${paired}.json`)

  const read = <T>(file: string, take: (value: unknown) => T): T | null => {
    try {
      return take(JSON.parse(readFileSync(file, 'utf8')))
    } catch (thrown) {
      // The certificates of the pairing still hold where no receiver has renewed its own.
      if (errorCode(thrown) !== 'ENOENT')
        notice(`${file} cannot be read and is begun anew: ${String(thrown)}`)
      return null
    }
  }

  return {
    of: (paired) =>
      written.get(paired) ??
      read(fileOf(paired), (value) => fileSchema.parse(value).pin) ??
      read(`${places}.json`, (value) => formerSchema.parse(value).receivers[paired]) ?? {
        current: paired,
        next: null,
        confirmed: null,
      },
    async put(paired, pin) {
      await mkdir(places, { recursive: true, mode: 0o700 })
      await replaceFile(fileOf(paired), `${JSON.stringify({ version: 1, pin }, null, 2)}\n`)
      written.set(paired, pin)
    },
  }
}
