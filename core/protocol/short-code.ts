import { randomBytes } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { dropError } from '../dropped-errors.ts'
import { formatAddress } from '../lib/i18n/formats.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { RECEIVER_PORT } from './limits.ts'
import { CODE_ALPHABET, type PairingCode, parsePairingCode } from './pairing-code.ts'

// A pairing code for people who type it: eight characters. Too few to be sent, or to be hashed: both ends prove to each
// other that they have it by OPAQUE (RFC 9807), which gives an attacker one guess for each connection.

/** Eight characters of 5 bits. */
const LENGTH = 8

/**
 * Cost of Argon2id; memory in KiB. It protects stolen records of passwords; here each record is made for one connection
 * and is not kept, so the least memory will do.
 */
const STRETCHING = { 'argon2id-custom': { iterations: 1, memory: 1_024, parallelism: 1 } }

/**
 * Fingerprints of both certificates, as the proving end sees them. They are part of what is proven: a computer in the
 * middle, which has other certificates, cannot pass the proofs on.
 */
export interface ProvingEnds {
  station: string
  receiver: string
}

/** Returns a new code, as `normalizeShortCode` does. */
export const createShortCode = (): string =>
  Array.from(randomBytes(LENGTH), (byte) => CODE_ALPHABET[byte % 32]).join('')

/** Formats a code for people: K7QF-92MB. */
export const formatShortCode = (code: string): string =>
  `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`.toUpperCase()

/** Returns a typed code in lower case and without hyphens, with 1 for I and L and 0 for O; null: it is none. */
export function normalizeShortCode(typed: string): string | null {
  const code = typed.toLowerCase().replaceAll('-', '').replace(/[il]/g, '1').replaceAll('o', '0')
  return code.length === LENGTH && [...code].every((one) => CODE_ALPHABET.includes(one)) ? code : null
}

/** An address, and a short code that the receiver there has to prove. */
export interface AddressedCode {
  host: string
  port: number
  shortCode: string
}

/** Formats an address and a short code as a person enters them: `nas-2 K7QF-92MB`; the usual port is left out. */
export function formatAddressedCode({ host, port, shortCode }: AddressedCode): string {
  const address = port === RECEIVER_PORT ? host : formatAddress(host, port)
  return `${address} ${formatShortCode(shortCode)}`
}

/**
 * Parses what a person enters at a station: a whole pairing code, or an address and a short code.
 * @throws UserError transfer.pairCodeMalformed
 */
export function parseEnteredCode(text: string): PairingCode | AddressedCode {
  const [, address = '', typed = ''] = /^(\S+)\s+(\S+)$/.exec(text.trim()) ?? []
  const shortCode = normalizeShortCode(typed)
  if (shortCode === null) return parsePairingCode(text)
  // An IPv6 address without a port may come without brackets.
  const bracketed = isIPv6(address) ? `[${address}]` : address
  const url = URL.canParse(`holdfast://${bracketed}`) ? new URL(`holdfast://${bracketed}`) : null
  const isAddress = url !== null && url.host !== '' && url.href === `holdfast://${url.host}`
  if (!isAddress) throw new UserError('transfer.pairCodeMalformed')
  const port = url.port === '' ? RECEIVER_PORT : Number(url.port)
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, shortCode }
}

/** Loads the library, of 430 kB, only when a short code is used. */
async function loadOpaque() {
  const opaque = await import('@serenity-kit/opaque')
  await opaque.ready
  return opaque
}

const toIdentifiers = ({ station, receiver }: ProvingEnds) => ({ client: station, server: receiver })

/** The station's side of a proof. */
export interface StationProof {
  request: string
  /** Returns the station's proof; null: the other end does not have the code, or sees other certificates. */
  answer(challenge: string, ends: ProvingEnds): string | null
}

export async function beginProof(code: string): Promise<StationProof> {
  const { client } = await loadOpaque()
  const { clientLoginState, startLoginRequest } = client.startLogin({ password: code })
  return {
    request: startLoginRequest,
    answer(challenge, ends) {
      const finished = orNull(() =>
        client.finishLogin({
          ...{ password: code, clientLoginState, loginResponse: challenge },
          ...{ identifiers: toIdentifiers(ends), keyStretching: STRETCHING },
        }),
      )
      return finished?.finishLoginRequest ?? null
    },
  }
}

/** The receiver's side of a proof. */
export interface ReceiverProof {
  challenge: string
  /** True if the station has the code, and sees the same certificates. */
  accepts(proof: string): boolean
}

/** @returns null if the request of the station is malformed. */
export async function challenge(
  code: string,
  request: string,
  ends: ProvingEnds,
): Promise<ReceiverProof | null> {
  const { client, server } = await loadOpaque()
  const identifiers = toIdentifiers(ends)
  const setup = { serverSetup: server.createSetup(), userIdentifier: ends.station }
  const { clientRegistrationState, registrationRequest } = client.startRegistration({ password: code })
  const { registrationResponse } = server.createRegistrationResponse({ ...setup, registrationRequest })
  const { registrationRecord } = client.finishRegistration({
    ...{ password: code, registrationResponse, clientRegistrationState },
    ...{ identifiers, keyStretching: STRETCHING },
  })
  const started = orNull(() =>
    server.startLogin({ ...setup, registrationRecord, startLoginRequest: request, identifiers }),
  )
  if (started === null) return null
  const { serverLoginState, loginResponse } = started
  return {
    challenge: loginResponse,
    accepts: (proof) =>
      orNull(() => server.finishLogin({ serverLoginState, finishLoginRequest: proof, identifiers })) !== null,
  }
}

/** Returns null where the library throws: for what another computer sent. */
function orNull<T>(call: () => T): T | null {
  try {
    return call()
  } catch (error) {
    return dropError(error, 'a wrong code and malformed bytes of a peer are both no proof', null)
  }
}
