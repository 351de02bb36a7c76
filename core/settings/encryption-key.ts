/**
 * A new key of age: what is encrypted for the recipient ("age1…") only the identity ("AGE-SECRET-KEY-1…") opens. It is
 * kept nowhere.
 */
export async function newEncryptionKey(): Promise<{ recipient: string; identity: string }> {
  // Few people ever make one: the library is not loaded at each start.
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await generateX25519Identity()
  return { recipient: await identityToRecipient(identity), identity }
}
