/**
 * Generates an age key pair: data encrypted for the recipient ("age1…") can be decrypted with the identity
 * ("AGE-SECRET-KEY-1…") only. The key pair is not stored.
 */
export async function newEncryptionKey(): Promise<{ recipient: string; identity: string }> {
  // Loaded on demand, because few users ever generate a key.
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await generateX25519Identity()
  return { recipient: await identityToRecipient(identity), identity }
}
