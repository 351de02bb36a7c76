import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { replaceFile } from '../wire/replace-file.ts'
import { errorCode } from '../words/problem.ts'

const fingerprint = z.string().regex(/^[0-9a-f]{64}$/)

/** What is known of a receiver's certificates, beyond the one that it was paired with. */
const pinSchema = z.object({
  current: fingerprint,
  next: fingerprint.nullable(),
  /** This computer's next certificate, once the receiver has said that it has pinned it. */
  confirmed: fingerprint.nullable(),
})
export type Pin = z.infer<typeof pinSchema>

const fileSchema = z.object({ version: z.literal(1), receivers: z.record(fingerprint, pinSchema) })

/** Pins by the fingerprint that the receiver had when it was paired: the settings keep that one. */
export interface PinnedReceivers {
  of(paired: string): Pin
  /** Resolves when it is durable. */
  put(paired: string, pin: Pin): Promise<void>
}

export async function openPinnedReceivers(
  file: string,
  notice: (text: string) => void,
): Promise<PinnedReceivers> {
  let receivers: Record<string, Pin> = {}
  try {
    receivers = fileSchema.parse(JSON.parse(await readFile(file, 'utf8'))).receivers
  } catch (thrown) {
    // The certificates of the pairing still hold where no receiver has renewed its own.
    if (errorCode(thrown) !== 'ENOENT') notice(`${file} cannot be read and is begun anew: ${String(thrown)}`)
  }
  return {
    of: (paired) => receivers[paired] ?? { current: paired, next: null, confirmed: null },
    async put(paired, pin) {
      const changed = { ...receivers, [paired]: pin }
      await replaceFile(file, `${JSON.stringify({ version: 1, receivers: changed }, null, 2)}\n`)
      receivers = changed
    },
  }
}
