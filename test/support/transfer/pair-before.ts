import { storeLayout } from '../../../core/store/layout.ts'
import { foldersIn, openSenders } from '../../../core/store/senders/senders.ts'

/** Senders are in a store's list before its receiver starts, or finds them there. */
export async function pairBefore(
  store: string,
  paired: readonly { fingerprint: string; name: string }[],
): Promise<void> {
  const layout = storeLayout(store)
  if (paired.length === 0) return
  const senders = await openSenders(
    layout.senders,
    () => undefined,
    () => foldersIn(layout),
  )
  for (const { fingerprint, name } of paired)
    if (senders.accepted(fingerprint) === null) await senders.pair(fingerprint, name, Date.now(), null)
}
