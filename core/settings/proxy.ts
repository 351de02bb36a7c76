import { z } from 'zod'
import { UserError } from '../lib/i18n/user-error.ts'
import {
  type ProxyRoute,
  parseProxyAddress,
  proxyExceptionsSchema,
  proxyUses,
  readProxyEnvironment,
} from '../lib/network/proxy.ts'
import type { SecretOwner, Secrets } from './secret-owner.ts'

// The setting of the proxy: one for this computer, for all destinations, channels, sinks and watched computers.

export const proxySettingsSchema = z
  .object({
    /** environment: the variables HTTPS_PROXY, ALL_PROXY, HTTP_PROXY and NO_PROXY of the agent. */
    use: z.enum(proxyUses).default('none'),
    /** "http://proxy.example.org:3128", also https://, socks5:// and socks5h://. Its login is kept apart. */
    address: z
      .string()
      .max(300)
      .refine((text) => text === '' || parseProxyAddress(text)?.address === text)
      .default(''),
    user: z.string().max(200).default(''),
    /** Hosts that are reached directly, besides loopback and link-local addresses; see core/lib/network/exceptions.ts. */
    except: proxyExceptionsSchema.default([]),
  })
  .refine(({ use, address }) => use !== 'address' || address !== '', { path: ['address'] })
export type ProxySettings = z.infer<typeof proxySettingsSchema>

const OWNER = 'network:proxy'
export const secretsOfProxy = ({ address, user }: ProxySettings): SecretOwner => ({
  id: OWNER,
  name: address,
  type: 'proxy',
  place: JSON.stringify([address, user]),
  fields: user === '' ? [] : [{ name: 'password', kind: 'secret', required: false }],
})

export const hasProxyPassword = (secrets: Secrets): boolean => secrets[OWNER]?.password !== undefined

/** Returns the proxy in force; null: none. */
export function getProxyRoute(
  { use, address, user, except }: ProxySettings,
  secrets: Secrets,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ProxyRoute | null {
  if (use === 'none') return null
  if (use === 'address') return { address, user, password: secrets[OWNER]?.password ?? '', except }
  const found = readProxyEnvironment(environment)
  return found === null ? null : { ...found, except: [...found.except, ...except] }
}

/**
 * Returns the proxy in force for a command beside the desktop, whose keyring it cannot open; null: none.
 * @throws UserError proxy.sealed
 */
export function openProxyRoute(
  proxy: ProxySettings,
  secrets: { get(): Secrets; unreadable(): string[] },
): ProxyRoute | null {
  const { use, address, user } = proxy
  if (use === 'address' && user !== '' && secrets.unreadable().includes(OWNER))
    throw new UserError('proxy.sealed', { url: address, user })
  return getProxyRoute(proxy, secrets.get())
}
