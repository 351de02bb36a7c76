import { hostname, networkInterfaces } from 'node:os'
import { findMount, type Mount, readMounts } from './mountinfo.ts'

/** File system types in mountinfo whose files are on another computer, if they name it. */
const SHARES =
  /^(nfs4?|cifs|smb3|smbfs|ceph|afs|afpfs|webdav|lustre|beegfs|glusterfs|davfs|fuse\.(sshfs|glusterfs|ceph|rclone|s3fs|davfs2?))$/

/** Returns the host of a share's source: "host:/path", "user@host:path", "//host/share" or "https://host/path". */
function parseHost(source: string): string | null {
  const [, slashes, name] =
    /^(?:[a-z0-9+]+:(?=\/\/))?(\/\/)?(?:[^@/]*@)?(\[[^\]]+\]|[^/:]+)/i.exec(source) ?? []
  const isNamed = slashes !== undefined || source.includes(':')
  return isNamed ? (name ?? null) : null
}

/**
 * True if a directory is on a share of another computer, by the path's text and the current mounts. False if this is
 * unknown.
 */
export function isOnOtherComputer(
  directory: string,
  mounts: readonly Mount[] | null = readMounts(),
): boolean {
  const mount = findMount(mounts ?? [], directory)
  if (mount === null || !SHARES.test(mount.type)) return false
  const host = parseHost(mount.source)
  return host === null || !isThisComputer(host)
}

/** True if a host is this computer by its name or one of its addresses. Other names for it are not resolved. */
export function isThisComputer(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
  const own = hostname().toLowerCase()
  if ([own, `${own}.local`].includes(name)) return true
  // RFC 6761, 6.3, and the names that Linux systems use.
  if (/^(.*\.)?localhost(\.localdomain)?$|^127\.|^::1$|^::ffff:127\./.test(name)) return true
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address.toLowerCase() === name),
  )
}
