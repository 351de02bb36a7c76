import { hostname, networkInterfaces } from 'node:os'

/** Whether a host is this computer by its name or one of its addresses; another name for it only a connection tells. */
export function isThisComputer(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
  const own = hostname().toLowerCase()
  if ([own, `${own}.local`].includes(name)) return true
  // RFC 6761, 6.3, and what Linux systems call it.
  if (/^(.*\.)?localhost(\.localdomain)?$|^127\.|^::1$|^::ffff:127\./.test(name)) return true
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address.toLowerCase() === name),
  )
}
