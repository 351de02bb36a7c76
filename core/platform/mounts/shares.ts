import { hostname, networkInterfaces } from 'node:os'
import { type Mount, mountAbove, readMounts } from './mountinfo.ts'

/** Types of mountinfo whose files are kept by another computer, as far as they name it. */
const SHARES =
  /^(nfs4?|cifs|smb3|smbfs|ceph|afs|afpfs|webdav|lustre|beegfs|glusterfs|davfs|fuse\.(sshfs|glusterfs|ceph|rclone|s3fs|davfs2?))$/

/** Of a share's source the host: "host:/path", "user@host:path", "//host/share" or "https://host/path". */
function hostOf(source: string): string | null {
  const [, slashes, name] =
    /^(?:[a-z0-9+]+:(?=\/\/))?(\/\/)?(?:[^@/]*@)?(\[[^\]]+\]|[^/:]+)/i.exec(source) ?? []
  const isNamed = slashes !== undefined || source.includes(':')
  return isNamed ? (name ?? null) : null
}

/**
 * Whether a directory is on a share that another computer keeps; by its path's text alone, as the mounts are now. What
 * cannot be told is on this computer.
 */
export function isElsewhere(directory: string, mounts: readonly Mount[] | null = readMounts()): boolean {
  const mount = mountAbove(mounts ?? [], directory)
  if (mount === null || !SHARES.test(mount.type)) return false
  const host = hostOf(mount.source)
  return host === null || !isThisComputer(host)
}

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
