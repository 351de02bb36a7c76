import { UserError } from '../lib/i18n/user-error.ts'
import { type Settings, type WatchedComputer, watchedComputerSchema } from './schema.ts'
import type { SecretOwner } from './secret-owner.ts'

// Pure functions about the other computers that this one watches by their web pages.

/** Port of an address that has neither a scheme nor a port. */
const DEFAULT_PORT = 8420
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * Returns the address of a web page as the settings have it, for example "https://station:8420/".
 * @throws UserError computer.address, computer.plain
 */
export function parseWebAddress(given: string): string {
  const hasScheme = given.includes('://')
  const text = hasScheme ? given.trim() : `https://${given.trim()}`
  if (!URL.canParse(text)) throw new UserError('computer.address', { address: given })
  const url = new URL(text)
  const isHere = LOOPBACK.test(url.hostname)
  if (!hasScheme && isHere) url.protocol = 'http:'
  if (!hasScheme && !/:\d+\/?$/.test(text)) url.port = String(DEFAULT_PORT)
  if (!['http:', 'https:'].includes(url.protocol) || url.username !== '')
    throw new UserError('computer.address', { address: given })
  // The token must not be readable on the way. Behind a loopback address, an SSH tunnel begins.
  if (url.protocol === 'http:' && !isHere) throw new UserError('computer.plain', { address: given })
  return `${url.origin}/`
}

/** Adds a computer, or replaces the one with its id. @throws UserError computer.nameTaken */
export function withComputer(settings: Settings, given: WatchedComputer): Settings {
  const computer = watchedComputerSchema.parse(given)
  const isSame = ({ id }: WatchedComputer) => id === computer.id
  const { name } = computer
  if (settings.computers.some((one) => !isSame(one) && one.name.toLowerCase() === name.toLowerCase()))
    throw new UserError('computer.nameTaken', { name })
  const computers = settings.computers.some(isSame)
    ? settings.computers.map((one) => (isSame(one) ? computer : one))
    : [...settings.computers, computer]
  return { ...settings, computers }
}

/** @param id or name of the computer. @throws UserError computer.unknown */
export function withoutComputer(settings: Settings, id: string): Settings {
  const known = settings.computers.find((one) => one.id === id || one.name === id)
  if (known === undefined) throw new UserError('computer.unknown', { id })
  return { ...settings, computers: settings.computers.filter((one) => one !== known) }
}

export const secretsOfComputer = ({ id, name, address, certificate }: WatchedComputer): SecretOwner => ({
  id,
  name,
  type: 'computer',
  place: JSON.stringify([address, certificate]),
  fields: [{ name: 'token', kind: 'secret', required: true }],
})
