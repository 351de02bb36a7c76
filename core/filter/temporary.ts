// Temporary names, which programs give to files that they are still writing. Pure.

/** Extensions, in any case. */
const ENDINGS = [
  // Browsers, wget, aria2 (its control file), yt-dlp, WinSCP and FileZilla.
  ...['part', 'partial', 'filepart', 'crdownload', 'download', 'opdownload', 'aria2', 'ytdl'],
  // BitTorrent: qBittorrent, µTorrent, BitComet.
  ...['!qB', '!ut', 'bc!'],
  ...['tmp', 'temp', 'swp', 'swo', 'swx'],
]

/**
 * rsync's name of a file that it receives: a dot, the name, a dot and six random characters. Names that end in a word, or
 * in a number, are not meant.
 */
const RSYNC = /(^|\/)\.[^/]+\.(?!\d{6}$)(?=[A-Za-z0-9]*[A-Z0-9])[A-Za-z0-9]{6}$/

/** A file with such a name that has not changed for this time is left over, or is no file of rsync's. */
const RSYNC_REST_MS = 3_600_000

/** The list. `shown`: the text for people. `path`: matches such a path, relative to the source, with "/". */
const TEMPORARY: readonly { shown: string; path: RegExp }[] = [
  ...ENDINGS.map((ending) => ({ shown: `*.${ending}`, path: new RegExp(`[.]${ending}$`, 'i') })),
  // yt-dlp's pieces of a video.
  { shown: '*.part-Frag*', path: /\.part-Frag\d+$/ },
  // Editors' backups and locks; locks of Office and LibreOffice.
  { shown: '*~', path: /~$/ },
  { shown: '.#*', path: /(^|\/)\.#[^/]*$/ },
  { shown: '~$*', path: /(^|\/)~\$[^/]*$/ },
  { shown: '.~lock.*', path: /(^|\/)\.~lock\.[^/]*$/ },
  // Replacements of GLib, NFS and FUSE.
  { shown: '.goutputstream-*', path: /(^|\/)\.goutputstream-[^/]*$/ },
  { shown: '.nfs*', path: /(^|\/)\.nfs[0-9a-f]{8,}$/ },
  { shown: '.fuse_hidden*', path: /(^|\/)\.fuse_hidden[^/]*$/ },
  // rsync --partial-dir and --delay-updates: a file leaves them when it is whole.
  { shown: '.rsync-partial/', path: /(^|\/)\.rsync-partial\// },
  { shown: '.~tmp~/', path: /(^|\/)\.~tmp~\// },
  { shown: '.*.??????', path: RSYNC },
]

/** The list for people. */
export const temporaryNames: readonly string[] = TEMPORARY.map(({ shown }) => shown)

/** @param path relative to the source, with "/"; a bare name is accepted, too. */
export function isTemporaryPath(path: string): boolean {
  return TEMPORARY.some((one) => one.path.test(path))
}

/** True if a path may have its temporary name for good: other programs give names that look like rsync's, too. */
export const mayBeFinal = (path: string): boolean =>
  RSYNC.test(path) && TEMPORARY.every((one) => one.path === RSYNC || !one.path.test(path))

/** True if no rsync is writing a file with such a name, by the change time of its inode. */
export const isAtRest = ({ ctimeNs }: { ctimeNs: bigint }, now: number): boolean =>
  Math.abs(now - Number(ctimeNs / 1_000_000n)) >= RSYNC_REST_MS
