/** Where a file system is used. */
export interface FileSystem {
  /** process.platform */
  platform: string
  /** f_type of statfs(2); null where it is not known. */
  fileSystemType: number | null
}

/**
 * f_type of file systems that other computers or a user's process can change without this kernel's knowledge:
 * inotify(7) reports only what happens through this kernel. Numbers: linux/magic.h and statfs(2).
 */
const UNSEEN_WRITERS = new Map<number, string>([
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x517b, 'smb'],
  [0x65735546, 'fuse'],
  [0x01021997, '9p'],
  [0x00c36400, 'ceph'],
  [0x5346414f, 'afs'],
  [0x6b414653, 'kafs'],
  [0x73757245, 'coda'],
  [0x786f4256, 'vboxsf'],
  [0xbacbacbc, 'vmhgfs'],
  [0x0bd00bd0, 'lustre'],
  [0x01161970, 'gfs2'],
  [0x7461636f, 'ocfs2'],
])

/** Whether others can change such a file system without this kernel's knowledge. */
export function hasUnseenWriters({ platform, fileSystemType }: FileSystem): boolean {
  // statfs gives f_type as a signed number on some systems.
  return platform === 'linux' && fileSystemType !== null && UNSEEN_WRITERS.has(fileSystemType >>> 0)
}
