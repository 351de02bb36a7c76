import { UserError } from '../lib/i18n/user-error.ts'
import { folderName } from '../protocol/names.ts'
import type { Destination, SftpDestination } from './destination-schema.ts'
import { getDestination, refuseName } from './destinations.ts'
import type { ChangedDestination } from './given-destination.ts'
import { MOST_DESTINATIONS, type Settings } from './schema.ts'
import type { SecretOwner } from './secrets.ts'

// Pure functions that add a folder, an SFTP server or a bucket to the settings, or change one.

/**
 * Completes a destination that the user entered.
 * @param ownName this computer's name: the default for its folder at the destination.
 */
export function completeDestination(given: ChangedDestination, id: string, ownName: string): Destination {
  const name = given.name.trim()
  if (given.kind === 'receiver' || given.kind === 'folder') return { ...given, id, name }
  return { ...given, id, name, folder: given.folder ?? folderName(ownName) }
}

/** Returns the location of the files within a disk, server or store. It never changes for a destination. */
function getLocationKey(one: Destination): string {
  switch (one.kind) {
    case 'receiver':
      return JSON.stringify([one.kind, one.fingerprint])
    case 'folder':
      return JSON.stringify([one.kind, one.path])
    case 'sftp':
      return JSON.stringify([one.kind, one.path, one.folder])
    case 's3':
      return JSON.stringify([one.kind, one.bucket, one.prefix, one.folder])
  }
}

/** Returns the location together with the server's address. It is unique among destinations. */
function getTargetKey(one: Destination): string {
  if (one.kind === 'sftp') return JSON.stringify([getLocationKey(one), one.host.toLowerCase(), one.port])
  if (one.kind === 's3') return JSON.stringify([getLocationKey(one), one.endpoint.toLowerCase()])
  return getLocationKey(one)
}

/**
 * @throws UserError refuse.destinationNameLength, refuse.destinationName, refuse.destinationFolder, refuse.sameTarget
 */
function refuseAmong(others: readonly Destination[], one: Destination): void {
  refuseName(others, one.name)
  if ('folder' in one && folderName(one.folder) !== one.folder)
    throw new UserError('refuse.destinationFolder', { folder: one.folder, valid: folderName(one.folder) })
  const same = others.find((other) => getTargetKey(other) === getTargetKey(one))
  if (same !== undefined) throw new UserError('refuse.sameTarget', { name: same.name })
}

/**
 * Adds a destination.
 * @throws UserError refuse.mostDestinations, refuse.destinationNameLength, refuse.destinationName,
 * refuse.destinationFolder, refuse.sameTarget
 */
export function withAdded(settings: Settings, added: Destination): Settings {
  const { destinations } = settings
  if (destinations.length >= MOST_DESTINATIONS)
    throw new UserError('refuse.mostDestinations', { most: MOST_DESTINATIONS })
  refuseAmong(destinations, added)
  return { ...settings, destinations: [...destinations, added] }
}

/**
 * Changes how a destination is reached. Its address may change, because a server can move. The location of the files in
 * it may not: a new location would be another destination, without the files sent so far.
 * @throws UserError refuse.noSuchDestination, refuse.otherTarget, and as `withAdded`
 */
export function withDestinationChanged(settings: Settings, next: Destination): Settings {
  const before = getDestination(settings.destinations, next.id)
  if (getLocationKey(before) !== getLocationKey(next))
    throw new UserError('refuse.otherTarget', { name: before.name })
  refuseAmong(
    settings.destinations.filter((one) => one !== before),
    next,
  )
  return { ...settings, destinations: settings.destinations.map((one) => (one === before ? next : one)) }
}

/** Returns the secrets that a destination has. */
export function secretsOfDestination(one: {
  id: string
  kind: Destination['kind']
  login?: SftpDestination['login']
}): SecretOwner {
  const { id, kind, login } = one
  const field = (name: string, required: boolean) => ({ name, kind: 'secret' as const, required })
  if (kind === 's3') return { id, type: kind, fields: [field('accessKey', false), field('secretKey', false)] }
  if (kind !== 'sftp' || login === 'agent') return { id, type: kind, fields: [] }
  if (login === 'password') return { id, type: kind, fields: [field('password', true)] }
  const passphrase = field('passphrase', false)
  return { id, type: kind, fields: login === 'key' ? [field('key', true), passphrase] : [passphrase] }
}
