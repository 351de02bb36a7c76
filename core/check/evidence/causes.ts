import { type Message, message, type WordKey } from '../../lib/i18n/message.ts'
import type { VerdictKind } from '../verdict-kinds.ts'
import type { DeviceNames, KernelLine } from './evidence-messages.ts'

/**
 * Layers between a program and a disk, the lowest first: a fault of a layer makes all layers above it fail, so the lowest
 * one with a message is the cause.
 */
const layers = ['transport', 'medium', 'volume', 'block', 'fileSystem', 'other'] as const
type Layer = (typeof layers)[number]

interface Rule {
  /** Its sentence is `cause.ID` in cause.json; the named groups of `pattern` are its parameters. */
  id: string
  layer: Layer
  /**
   * Anchored at the beginning and bounded, so that a line is read once. A line is used only if these groups belong to the
   * file system: `device` (or, without it, `member`: a disk of a volume), `host` (number of a SCSI host), `controller` (its
   * PCI address), `server`, `type`, `task` (a kernel thread) and `program` (the server of a FUSE file system). A sentence
   * has `disk`, if there, as `device`.
   */
  pattern: RegExp
  /** Source file and function that print the message; of the kernel, unless it names another project. */
  source: string
  /** Types or devices that a message concerns if it names none itself. */
  kinds?: RegExp
  /** The file system stops writing with this message. */
  stops?: true
  /** A command causes this message; an error before it is the cause instead. */
  command?: true
  /** Matches the message that undoes the command. */
  undoneBy?: RegExp
  /** The message does not have the new state: it counts only if the mount has become read-only. */
  stateless?: true
  /** The kernel prints this message after a wait, so it may follow the failure. */
  late?: true
  /** The kernel also resets a link because of a medium error before it. */
  reset?: true
  /** Several such lines, or lines of several members, have the sentence `cause.IDRepeated` with `count` and `span`. */
  counted?: true
}

const LOCAL = /^(?:ext[234]|xfs|btrfs|f2fs|vfat|msdos|exfat|ntfs3|jfs|nilfs2|udf|fuseblk)$/
const PCI = String.raw`[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]`
const BLK = 'block/blk-core.c: blk_print_req_error (print_req_error before Linux 5.17)'

/** Matches an error of the block layer, but none of a discard, which loses nothing. The prefix went with Linux 5.17. */
const blk = (names: string, device = String.raw`[^,\s]+`) =>
  new RegExp(
    String.raw`^(?:(?:blk_update_request|print_req_error): )?(?:${names}) error, dev (?<device>${device}), sector (?<sector>\d+)(?! op 0x(?:3|5|9):)(?!\d)`,
  )

/** Matches a message of a file system's driver about a device. */
const driver = (prefix: string, text: string) =>
  new RegExp(String.raw`^(?:${prefix}) \((?:device )?(?<device>[^)\s:]+):?(?: state \w+)?\)${text}`)

/** Matches a message of a SCSI disk: "sd 2:0:0:0: [sdb] tag#12 text". */
const scsi = (text: string) =>
  new RegExp(String.raw`^sd (?<device>\d+:\d+:\d+:\d+): (?:\[(?<disk>\w+)\] )?(?:tag#\d+ )?${text}`)

/** The earlier rule of a layer is the cause; of the file system's own messages, the earlier line. */
export const rules: readonly Rule[] = [
  // Transport: between the computer and the disk or server.
  {
    id: 'usbControllerDied',
    layer: 'transport',
    pattern: new RegExp(
      `^xhci_hcd (?<controller>${PCI}): (?:xHCI host controller not responding, assume dead|HC died; cleaning up)`,
    ),
    source: 'drivers/usb/host/xhci-ring.c: xhci_hc_died',
  },
  {
    id: 'pciLinkDown',
    layer: 'transport',
    pattern: new RegExp(
      String.raw`^pcieport (?<controller>${PCI}): pciehp: Slot\([^)
]{1,20}\): (?:Link Down|Card not present)`,
    ),
    source: 'drivers/pci/hotplug/pciehp_ctrl.c: pciehp_handle_presence_or_link_change',
  },
  {
    id: 'usbDisconnect',
    layer: 'transport',
    pattern: /^(?<device>usb \d+-[\d.]+): USB disconnect, device number \d+/,
    source: 'drivers/usb/core/hub.c: usb_disconnect',
  },
  {
    id: 'mmcRemoved',
    layer: 'transport',
    pattern: /^(?<device>mmc\d+): card [0-9a-f]+ removed/,
    source: 'drivers/mmc/core/bus.c: mmc_remove_card',
  },
  {
    id: 'ataDisabled',
    layer: 'transport',
    pattern: /^(?<device>ata\d+)(?:\.\d+)?: (?:disabled?\b|disable device)/,
    source: 'drivers/ata/libata-eh.c: ata_dev_disable',
    late: true,
  },
  {
    id: 'ataLinkDown',
    layer: 'transport',
    pattern: /^(?<device>ata\d+)(?:\.\d+)?: SATA link down /,
    source: 'drivers/ata/libata-core.c: sata_print_link_status',
  },
  {
    id: 'ataReset',
    layer: 'transport',
    pattern: /^(?<device>ata\d+)(?:\.\d+)?: (?:hard|soft) resetting (?:link|port)/,
    source: 'drivers/ata/libata-eh.c: ata_eh_reset',
    reset: true,
    late: true,
    counted: true,
  },
  {
    id: 'iscsiTimeout',
    layer: 'transport',
    pattern: /^ ?(?<device>session\d+): session recovery timed out after (?<seconds>\d+) secs/,
    source: 'drivers/scsi/scsi_transport_iscsi.c: session_recovery_timedout',
    late: true,
  },
  {
    id: 'iscsiConnection',
    layer: 'transport',
    pattern:
      /^ ?(?<device>connection\d+:\d+): (?:detected conn error \(\d+\)|ping timeout of \d+ secs expired)/,
    source:
      'drivers/scsi/scsi_transport_iscsi.c: iscsi_conn_error_event; drivers/scsi/libiscsi.c: iscsi_check_transport_timeouts',
    late: true,
  },
  {
    id: 'fcPort',
    layer: 'transport',
    pattern: /^ ?rport-(?<host>\d+):\d+-\d+: blocked FC remote port time out/,
    source: 'drivers/scsi/scsi_transport_fc.c: fc_timeout_deleted_rport',
    late: true,
  },
  {
    id: 'fcLink',
    layer: 'transport',
    pattern: /^qla2xxx \[[0-9a-f:.]+\]-[0-9a-f]{4}:(?<host>\d+): LOOP DOWN detected/,
    source: 'drivers/scsi/qla2xxx/qla_isr.c: qla2x00_async_event',
  },
  {
    id: 'nvmeGone',
    layer: 'transport',
    pattern:
      /^nvme (?<device>nvme\d+): (?:Removing after probe failure|Disabling device after reset failure|Device not ready; aborting)/,
    source: 'drivers/nvme/host/pci.c: nvme_reset_work (nvme_remove_dead_ctrl before Linux 6.2)',
    late: true,
  },
  {
    id: 'nvmeDown',
    layer: 'transport',
    pattern: /^nvme (?<device>nvme\d+): controller is down; will reset: CSTS=(?<status>0x[0-9a-f]+)/,
    source: 'drivers/nvme/host/pci.c: nvme_warn_reset',
    late: true,
  },
  {
    id: 'nvmeTimeout',
    layer: 'transport',
    pattern: /^nvme (?<device>nvme\d+): I\/O (?:tag )?\d+ [^\n]{0,100}?\btimeout, /,
    source: 'drivers/nvme/host/pci.c: nvme_timeout',
    late: true,
    counted: true,
  },
  {
    id: 'nvmeFabric',
    layer: 'transport',
    pattern:
      /^nvme (?<device>nvme\d+): (?:starting error recovery|Reconnecting in \d+ seconds|failed nvme_keep_alive_end_io)/,
    source: 'drivers/nvme/host/tcp.c: nvme_tcp_error_recovery, nvme_tcp_reconnect_or_remove',
    late: true,
  },
  {
    id: 'usbReset',
    layer: 'transport',
    pattern: /^(?<device>usb \d+-[\d.]+): reset [\w -]{0,40}USB device number \d+/,
    source: 'drivers/usb/core/hub.c: hub_port_init',
    reset: true,
    late: true,
    counted: true,
  },
  {
    id: 'usbError',
    layer: 'transport',
    pattern:
      /^(?<device>usb \d+-[\d.]+): device (?:descriptor read\/\w+|not accepting address \d+), error -\d+/,
    source: 'drivers/usb/core/hub.c: hub_port_init',
    late: true,
  },
  {
    id: 'uasAbort',
    layer: 'transport',
    pattern: scsi('(?:uas_eh_abort_handler|data cmplt err)'),
    source: 'drivers/usb/storage/uas.c: uas_log_cmd_state',
    reset: true,
    late: true,
    counted: true,
  },
  {
    id: 'scsiAbort',
    layer: 'transport',
    pattern: scsi(
      String.raw`(?:abort$|device reset$|task abort on host \d+|attempting (?:task abort|device reset))`,
    ),
    source: 'drivers/scsi/virtio_scsi.c: virtscsi_abort; drivers/scsi/mpt3sas/mpt3sas_scsih.c: scsih_abort',
    reset: true,
    late: true,
    counted: true,
  },
  {
    id: 'scsiOffline',
    layer: 'transport',
    pattern: scsi(`(?:scsi: )?(?:Device offlined - not ready|rejecting I/O to (?:offline|dead) device)`),
    source:
      'drivers/scsi/scsi_error.c: scsi_eh_offline_sdevs; drivers/scsi/scsi_lib.c: scsi_device_state_check',
    late: true,
  },
  {
    id: 'scsiUnreachable',
    layer: 'transport',
    pattern: scsi(
      String.raw`[^\n]{0,60}?Result: hostbyte=(?<code>DID_(?:NO_CONNECT|BAD_TARGET|TIME_OUT|TRANSPORT_\w+)|0x(?:01|03|04|0e|0f)\b)`,
    ),
    source: 'drivers/scsi/scsi_logging.c: scsi_print_result',
    late: true,
  },
  {
    id: 'reserved',
    layer: 'transport',
    pattern: blk('critical nexus|reservation conflict'),
    source: BLK,
  },
  {
    id: 'unreachable',
    layer: 'transport',
    pattern: blk('recoverable transport|device offline|timeout'),
    source: BLK,
    late: true,
  },
  {
    id: 'mmcTimeout',
    layer: 'transport',
    pattern: /^(?<device>mmc\d+): Timeout waiting for hardware (?:cmd )?interrupt/,
    source: 'drivers/mmc/host/sdhci.c: sdhci_timeout_timer, sdhci_timeout_data_timer',
    late: true,
    counted: true,
  },
  {
    id: 'nbdConnection',
    layer: 'transport',
    pattern:
      /^block (?<device>nbd\d+): (?:Connection timed out|Receive control failed|Send control failed|Other side returned error|Possible stuck request)/,
    source: 'drivers/block/nbd.c: nbd_xmit_timeout, nbd_read_reply, nbd_send_cmd',
    late: true,
  },
  {
    id: 'nfsNotResponding',
    layer: 'transport',
    pattern: /^(?:nfs|lockd): server (?<server>\S+) not responding, (?:still trying|timed out)/,
    source: 'net/sunrpc/clnt.c: rpc_check_timeout',
    kinds: /^nfs/,
    late: true,
  },
  {
    id: 'nfsState',
    layer: 'transport',
    pattern: /^NFS: state manager[^\n]{0,60}? failed on NFSv4 server (?<server>\S+) with error (?<code>\d+)/,
    source: 'fs/nfs/nfs4state.c: nfs4_state_manager',
    kinds: /^nfs/,
    late: true,
  },
  {
    id: 'smbNotResponding',
    layer: 'transport',
    pattern: /^CIFS:? VFS: (?:Server |\\\\)(?<server>[^\\\s]+) has not responded in (?<seconds>\d+) seconds/,
    source: 'fs/smb/client/connect.c: server_unresponsive (fs/cifs before Linux 6.5)',
    kinds: /^(?:cifs|smb3)$/,
    late: true,
  },
  {
    id: 'cephMonitor',
    layer: 'transport',
    pattern: /^libceph: mon\d+ (?:\(\d+\))?(?<address>\S+) session lost, hunting for new mon/,
    source: 'net/ceph/mon_client.c: reopen_session',
    kinds: /^(?:ceph|rbd\d+)$/,
    late: true,
  },
  {
    id: 'rbdWatch',
    layer: 'transport',
    pattern: /^rbd: (?<device>rbd\d+): encountered watch error: -\d+/,
    source: 'drivers/block/rbd.c: rbd_watch_errcb',
    late: true,
  },
  {
    id: 'lustreConnection',
    layer: 'transport',
    pattern:
      /^Lustre: (?:\d+:\d+:\([^)\n]{1,60}\) )?[^:\n]{1,80}: Connection to (?<service>[\w-]+) \(at (?<address>[^)\n]{1,60})\) was lost/,
    source: 'Lustre, lustre/ptlrpc/import.c: ptlrpc_set_import_discon',
    kinds: /^lustre$/,
    late: true,
  },
  // Medium: the disk itself.
  {
    id: 'mediumError',
    layer: 'medium',
    pattern: blk('critical medium'),
    source: BLK,
  },
  {
    id: 'nvmeMedium',
    layer: 'medium',
    pattern:
      /^(?<device>nvme\d+n\d+): [^\n]{1,40}? @ LBA (?<sector>\d+), \d+ blocks, (?<reason>[\w -]{1,60}?) \(sct 0x2 /,
    source: 'drivers/nvme/host/core.c: nvme_log_error',
  },
  {
    id: 'diskReason',
    layer: 'medium',
    pattern: scsi(
      String.raw`Add\. Sense: (?<reason>(?:Unrecovered read error|Read retries exhausted|Write error|Peripheral device write fault|Internal target failure|Logical unit failure|Record not found)[\w ,.-]{0,60})`,
    ),
    source: 'drivers/scsi/scsi_logging.c: scsi_log_print_sense_hdr; drivers/scsi/sense_codes.h',
  },
  {
    id: 'writeProtected',
    layer: 'medium',
    pattern: scsi(
      String.raw`(?:Write Protect is on|Add\. Sense: (?:\w+ )*[Ww]rite protected|Sense Key : (?:Data Protect|0x7\b))`,
    ),
    source:
      'drivers/scsi/sd.c: sd_read_write_protect_flag; drivers/scsi/scsi_logging.c: scsi_log_print_sense_hdr',
  },
  {
    id: 'diskMedium',
    layer: 'medium',
    pattern: scsi(String.raw`Sense Key : (?:Medium Error|0x3\b)`),
    source: 'drivers/scsi/scsi_logging.c: scsi_log_print_sense_hdr',
  },
  {
    id: 'diskHardware',
    layer: 'medium',
    pattern: scsi(String.raw`Sense Key : (?:Hardware Error|0x4\b)`),
    source: 'drivers/scsi/scsi_logging.c: scsi_log_print_sense_hdr',
  },
  {
    id: 'ataUncorrectable',
    layer: 'medium',
    pattern: /^(?<device>ata\d+)(?:\.\d+)?: error: \{ [A-Z ]*\bUNC /,
    source: 'drivers/ata/libata-eh.c: ata_eh_link_report',
  },
  {
    id: 'mmcError',
    layer: 'medium',
    pattern: /^(?<device>mmcblk\d+): (?:error -\d+ |recovery failed)/,
    source: 'drivers/mmc/core/block.c: mmc_blk_mq_rw_recovery',
  },
  {
    id: 'targetError',
    layer: 'medium',
    pattern: blk('critical target'),
    source: BLK,
  },
  // Volume: what joins, divides or encrypts disks.
  {
    id: 'arrayFailed',
    layer: 'volume',
    pattern:
      /^md\/(?:raid\d*|linear):?(?<device>md\w+): (?:Cannot continue operation|Disk failure on [^,\s]+ detected, failing array|Disk failure on [^,\s]+, this is the last device)/,
    source: 'drivers/md/raid5.c: raid5_error; drivers/md/raid0.c: raid0_error',
  },
  {
    id: 'arrayRead',
    layer: 'volume',
    pattern:
      /^md\/raid\d*:(?<device>md\w+): (?:\w+: )?unrecoverable I\/O (?:read )?error for block (?<sector>\d+)/,
    source: 'drivers/md/raid1.c: raid1_read_request; drivers/md/raid10.c: raid10_read_request',
  },
  {
    id: 'arrayLostDisk',
    layer: 'volume',
    pattern: /^md\/[\w-]+:(?<device>md\w+): Disk failure on (?<member>[^,\s]+), disabling device/,
    source:
      'drivers/md/raid1.c: raid1_error; drivers/md/raid10.c: raid10_error; drivers/md/raid5.c: raid5_error',
  },
  {
    id: 'drbdLost',
    layer: 'volume',
    pattern:
      /^(?:block |drbd [^\s:]{1,80} )(?<device>drbd\d+): IO ERROR: neither local nor remote data, sector (?<sector>\d+)/,
    source: 'drivers/block/drbd/drbd_req.c: drbd_send_and_submit',
  },
  {
    id: 'thinFull',
    layer: 'volume',
    pattern:
      /^device-mapper: thin: (?<device>\d+:\d+): (?:switching pool to out-of-data-space|no free data space available)/,
    source: 'drivers/md/dm-thin.c: notify_of_pool_mode_change, alloc_data_block',
  },
  {
    id: 'thinMetadataFull',
    layer: 'volume',
    pattern: /^device-mapper: thin: (?<device>\d+:\d+): metadata operation '\w+' failed: error = -28(?!\d)/,
    source: 'drivers/md/dm-thin.c: metadata_operation_failed',
  },
  {
    id: 'thinFailed',
    layer: 'volume',
    pattern:
      /^device-mapper: thin: (?<device>\d+:\d+): (?:switching pool to (?:read-only|fail) mode|metadata operation '\w+' failed)/,
    source: 'drivers/md/dm-thin.c: notify_of_pool_mode_change, metadata_operation_failed',
  },
  {
    id: 'pathFailed',
    layer: 'volume',
    pattern: /^device-mapper: multipath: (?:(?<device>\d+:\d+): )?Failing path (?<member>\d+:\d+)\./,
    source: 'drivers/md/dm-mpath.c: fail_path',
    counted: true,
  },
  {
    id: 'volumeChecksum',
    layer: 'volume',
    pattern:
      /^device-mapper: (?:integrity|crypt|verity): (?<device>[\w:-]+): (?:Checksum failed at|INTEGRITY AEAD ERROR|(?:meta)?data block \d+ is corrupted)/,
    source: 'drivers/md/dm-integrity.c: integrity_metadata; drivers/md/dm-crypt.c: crypt_convert_block_aead',
  },
  {
    id: 'spaceBelow',
    layer: 'volume',
    pattern: blk('critical space allocation'),
    source: BLK,
  },
  {
    id: 'zfsSuspended',
    layer: 'volume',
    pattern:
      /^WARNING: Pool '(?<device>[^']{1,255})' has encountered an uncorrectable I\/O failure and has been suspended/,
    source: 'OpenZFS, module/zfs/zio.c: zio_suspend',
  },
  // Block: requests that failed without a reason of a lower layer.
  {
    id: 'beyondEnd',
    layer: 'block',
    pattern:
      /^(?:[^\n]{0,20}attempt to access beyond end of device\n\s*)?(?<device>[^:\s]+): rw=\d+, (?:want|sector)=\d+, /,
    source: 'block/blk-core.c: bio_check_eod (handle_bad_sector before Linux 5.13)',
  },
  {
    id: 'deviceReadOnly',
    layer: 'block',
    pattern: /^(?:generic_make_request: )?Trying to write to read-only block-device (?<device>\S+)/,
    source: 'block/blk-core.c: bio_check_ro',
  },
  {
    id: 'loopError',
    layer: 'block',
    pattern: blk('I/O', String.raw`loop\d+`),
    source: BLK,
  },
  {
    id: 'ioError',
    layer: 'block',
    pattern: blk('I/O'),
    source: BLK,
  },
  {
    id: 'bufferError',
    layer: 'block',
    pattern: /^Buffer I\/O error on dev(?:ice)? (?<device>[^,\s]+), logical block (?<block>\d+)/,
    source: 'fs/buffer.c: buffer_io_error; fs/ext4/page-io.c: buffer_io_error',
  },
  // File systems.
  {
    id: 'abortedByCommand',
    layer: 'fileSystem',
    pattern: driver('EXT4-fs error', String.raw`: (?:__)?ext4_remount:\d+: [^\n]{0,40}?Abort forced by user`),
    source: 'fs/ext4/super.c: __ext4_remount',
    command: true,
  },
  {
    id: 'shutDownByCommand',
    layer: 'fileSystem',
    pattern: driver(
      'EXT4-fs|XFS',
      String.raw`: (?:shut down requested \(\d\)|User initiated shutdown received)`,
    ),
    source: 'fs/ext4/ioctl.c: ext4_force_shutdown; fs/xfs/xfs_fsops.c: xfs_do_force_shutdown',
    command: true,
  },
  {
    id: 'remountedReadOnly',
    layer: 'fileSystem',
    pattern: driver('EXT4-fs', String.raw`: re-mounted [0-9a-f-]{36} ro\b`),
    undoneBy: driver('EXT4-fs', String.raw`: re-mounted [0-9a-f-]{36} r/w\b`),
    source: 'fs/ext4/super.c: ext4_reconfigure',
    command: true,
  },
  {
    id: 'remounted',
    layer: 'fileSystem',
    pattern: driver('EXT4-fs', String.raw`: re-mounted\. (?:Opts|Quota mode): `),
    source: 'fs/ext4/super.c: ext4_remount (ext4_reconfigure of Linux 5.17 and 5.18)',
    command: true,
    stateless: true,
  },
  {
    id: 'emergencyRemount',
    layer: 'fileSystem',
    pattern: /^sysrq: (?:SysRq : )?Emergency Remount R\/O/,
    source: 'drivers/tty/sysrq.c: __handle_sysrq, sysrq_mountro_op',
    kinds: LOCAL,
    command: true,
  },
  {
    id: 'ext4Stopped',
    layer: 'fileSystem',
    pattern: driver(
      'EXT4-fs error',
      String.raw`(?:: ext4_journal_check_start:\d+: (?:comm [^\n]{1,15}: )?Detected aborted journal| in \w+:\d+: Journal has aborted)`,
    ),
    source: 'fs/ext4/ext4_jbd2.c: ext4_journal_check_start; fs/ext4/super.c: ext4_decode_error',
    stops: true,
  },
  {
    id: 'ext4Inode',
    layer: 'fileSystem',
    pattern: driver(
      'EXT4-fs error',
      String.raw`: (?<function>\w+):\d+: inode #(?<inode>\d+): (?:[^\n]{0,40}deleted inode referenced: (?<referenced>\d+))?`,
    ),
    source: 'fs/ext4/super.c: __ext4_error_inode, __ext4_error_file; fs/ext4/namei.c: ext4_lookup',
  },
  {
    id: 'ext4Error',
    layer: 'fileSystem',
    pattern: driver('EXT4-fs error', String.raw`: (?<function>\w+):\d+: `),
    source: 'fs/ext4/super.c: __ext4_error, __ext4_grp_locked_error',
  },
  {
    id: 'ext4Failed',
    layer: 'fileSystem',
    pattern: driver('EXT4-fs error', String.raw` in (?<function>\w+):\d+: (?<reason>[\w /]{1,40})`),
    source: 'fs/ext4/super.c: __ext4_std_error, ext4_decode_error',
  },
  {
    id: 'ext4Data',
    layer: 'fileSystem',
    pattern: driver(
      'EXT4-fs warning',
      String.raw`: ext4_end_bio:\d+: I/O error -?\d+ writing to inode (?<inode>\d+)`,
    ),
    source: 'fs/ext4/page-io.c: ext4_end_bio',
  },
  {
    id: 'ext4Allocation',
    layer: 'fileSystem',
    pattern: driver('EXT4-fs', String.raw`: Delayed block allocation failed for inode (?<inode>\d+)`),
    source: 'fs/ext4/inode.c: mpage_map_and_submit_extent',
  },
  {
    id: 'ext4DirectoryFull',
    layer: 'fileSystem',
    pattern: driver(
      'EXT4-fs warning',
      String.raw`: ext4_dx_add_entry:\d+: Directory \(ino: (?<inode>\d+)\) index full`,
    ),
    source: 'fs/ext4/namei.c: ext4_dx_add_entry',
  },
  {
    id: 'journalAborted',
    layer: 'fileSystem',
    pattern: /^Aborting journal on device (?<device>\S+?)(?:-\d+)?\.(?:\s|$)/,
    source: 'fs/jbd2/journal.c: jbd2_journal_abort (__jbd2_journal_abort_hard before Linux 5.7)',
    stops: true,
  },
  {
    id: 'journalError',
    layer: 'fileSystem',
    pattern:
      /^JBD2: (?:(?:Error -\d+ detected|I\/O error) when updating journal superblock for|Detected IO errors while flushing file data on) (?<device>\S+?)(?:-\d+)?\.?(?:\s|$)/,
    source: 'fs/jbd2/journal.c: jbd2_write_superblock; fs/jbd2/commit.c: jbd2_journal_commit_transaction',
  },
  {
    id: 'ext4ReadOnly',
    layer: 'fileSystem',
    pattern: driver('EXT4-fs', ': Remounting filesystem read-only'),
    source: 'fs/ext4/super.c: ext4_handle_error',
    stops: true,
  },
  {
    id: 'xfsShutdown',
    layer: 'fileSystem',
    pattern: driver(
      'XFS',
      String.raw`: (?<reason>Corruption of (?:in-memory data|on-disk metadata)|Log I/O [Ee]rror|Metadata I/O [Ee]rror|I/O [Ee]rror|Block device removal)\b[^\n]{0,200}?Shutting down filesystem`,
    ),
    source: 'fs/xfs/xfs_fsops.c: xfs_do_force_shutdown',
    stops: true,
  },
  {
    id: 'xfsDown',
    layer: 'fileSystem',
    pattern: driver('XFS', String.raw`: (?:Filesystem has been shut down|xfs_do_force_shutdown\()`),
    source: 'fs/xfs/xfs_fsops.c: xfs_do_force_shutdown; fs/xfs/xfs_mount.c: xfs_check_summary_counts',
    stops: true,
  },
  {
    id: 'xfsMetadataRequest',
    layer: 'fileSystem',
    pattern: driver(
      'XFS',
      String.raw`: metadata I/O error in "(?<function>\w+)[^"\n]{0,40}" at daddr (?<block>0x[0-9a-f]+)`,
    ),
    source: 'fs/xfs/xfs_buf.c: xfs_buf_ioerror_alert',
  },
  {
    id: 'xfsLog',
    layer: 'fileSystem',
    pattern: driver('XFS', String.raw`: log I/O error -\d+`),
    source: 'fs/xfs/xfs_log.c: xlog_ioend_work',
  },
  {
    id: 'xfsCorrupt',
    layer: 'fileSystem',
    pattern: driver(
      'XFS',
      String.raw`: (?:Metadata (?:corruption|CRC error) detected at(?:[^\n]{1,100}, inode (?<inode>0x[0-9a-f]+))?|Internal error )`,
    ),
    source: 'fs/xfs/xfs_error.c: xfs_buf_verifier_error, xfs_inode_verifier_error, xfs_error_report',
  },
  {
    id: 'btrfsReadOnly',
    layer: 'fileSystem',
    pattern: driver('BTRFS info', ': forced readonly'),
    source: 'fs/btrfs/messages.c: __btrfs_handle_fs_error (fs/btrfs/super.c before Linux 6.2)',
    stops: true,
  },
  {
    id: 'btrfsError',
    layer: 'fileSystem',
    pattern: driver(
      'BTRFS: error',
      String.raw` in (?<function>\w+):\d+: errno=-\d+ (?<reason>[\w -]{1,40}\w)`,
    ),
    source: 'fs/btrfs/messages.c: __btrfs_handle_fs_error (fs/btrfs/super.c before Linux 6.2)',
  },
  {
    id: 'btrfsChecksum',
    layer: 'fileSystem',
    pattern: driver('BTRFS warning', String.raw`: csum failed root -?\d+ ino (?<inode>\d+)`),
    source: 'fs/btrfs/btrfs_inode.h: btrfs_print_data_csum_error',
  },
  {
    id: 'btrfsMetadata',
    layer: 'fileSystem',
    pattern: driver(
      'BTRFS (?:error|warning|critical)',
      ': (?:checksum verify failed|parent transid verify failed|corrupt (?:leaf|node)|bad tree block start|level verify failed)',
    ),
    source: 'fs/btrfs/disk-io.c: btrfs_validate_extent_buffer; fs/btrfs/tree-checker.c: generic_err',
  },
  {
    id: 'btrfsDevice',
    layer: 'fileSystem',
    pattern: driver(
      'BTRFS error',
      String.raw`: bdev (?<member>\S+) errs: wr (?<writes>\d+), rd (?<reads>\d+), flush \d+, corrupt (?<corrupt>\d+)`,
    ),
    source: 'fs/btrfs/volumes.c: btrfs_dev_stat_inc_and_print',
  },
  {
    id: 'fatError',
    layer: 'fileSystem',
    pattern: driver('FAT-fs|exFAT-fs', String.raw`: error, (?<reason>[\w ,:()-]{1,80})`),
    source: 'fs/fat/misc.c: __fat_fs_error; fs/exfat/misc.c: __exfat_fs_error',
  },
  {
    id: 'fatReadOnly',
    layer: 'fileSystem',
    pattern: driver('FAT-fs|exFAT-fs', ': Filesystem has been set read-only'),
    source: 'fs/fat/misc.c: __fat_fs_error; fs/exfat/misc.c: __exfat_fs_error',
    stops: true,
  },
  {
    id: 'ntfsDirty',
    layer: 'fileSystem',
    pattern:
      /^ntfs3(?:: |\()(?<device>[^):\s]+)\)?: (?:ino=[0-9a-f]+,[^\n]{0,80}? )?Mark volume as dirty due to NTFS errors/,
    source: 'fs/ntfs3/fsntfs.c: ntfs_set_state',
  },
  {
    id: 'f2fsStopped',
    layer: 'fileSystem',
    pattern: driver(
      'F2FS-fs',
      String.raw`: (?:Remounting filesystem read-only|Stopped filesystem due to reason: \d+)`,
    ),
    source: 'fs/f2fs/super.c: f2fs_handle_critical_error',
    stops: true,
  },
  // Programs and the kernel itself.
  {
    id: 'kernelBug',
    layer: 'other',
    pattern: /^kernel BUG at fs\/(?<type>\w+)\/(?<place>[\w.]+:\d+)/,
    source: 'lib/bug.c: report_bug',
  },
  {
    id: 'outOfMemory',
    layer: 'other',
    pattern:
      /^(?:(?:Memory cgroup out|Out) of memory(?: \([\w ]+\))?: )?Kill(?:ed)? process \d+ \((?<program>[^)]{1,15})\)/,
    source: 'mm/oom_kill.c: __oom_kill_process',
  },
  {
    id: 'crashed',
    layer: 'other',
    pattern: /^(?:traps: )?(?<program>[^[\n]{1,15})\[\d+\]:? (?:segfault at|general protection) /,
    source: 'arch/x86/mm/fault.c: show_signal_msg; arch/x86/kernel/traps.c: gp_user_force_sig_segv',
  },
  {
    id: 'blockedTask',
    layer: 'other',
    pattern:
      /^INFO: task (?<task>[^:\n]{1,30}(?::\d+(?=:))?):\d+ blocked (?:in I\/O wait )?for more than (?<seconds>\d+) seconds/,
    source: 'kernel/hung_task.c: check_hung_task',
    late: true,
  },
]

const LETTER = /[\p{L}\p{N}_]/u

/** Returns whether a name is in a text as a whole word. A name with a colon is a number of a device, not a time. */
function hasName(text: string, name: string): boolean {
  if (name === '') return false
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    if (isWord(text, name, at)) return true
  }
  return false
}

function isWord(text: string, name: string, at: number): boolean {
  const before = text.slice(0, at)
  const after = text.slice(at + name.length, at + name.length + 12)
  if (/^\d+:\d+$/.test(name)) {
    const isDeviceNumber = /(?:[([/-]|\b(?:dev|device|path|disk) )$/.test(before)
    if (!isDeviceNumber && !(text.startsWith('device-mapper: ') && before.endsWith(': '))) return false
  } else if (/[\p{L}\p{N}_.:-]$/u.test(before)) return false
  // A longer number is another device: 8:17 in 8:170, 2:0:0:1 in 2:0:0:1:2, usb 1-2 in usb 1-2.4.
  if (/^\d/.test(after) || (/:|^usb /.test(name) && /^[.]\d/.test(after))) return false
  if (name.includes(':') && /^:\d/.test(after)) return false
  // The journal of sdb1 is sdb1-8, the thread of md0 is md0_raid1; vg-data--old is another volume.
  if (/^md\d+$/.test(name) && /^_(?:raid|resync)/.test(after)) return true
  if (/^-(?!\d)\S/.test(after)) return false
  return after === '' || !LETTER.test(after.charAt(0))
}

/** Returns whether a text names the server of a share: a whole host name, in any case. */
function hasServer(text: string, server: string): boolean {
  const lower = text.toLowerCase()
  const wanted = bareHost(server)
  if (wanted === '') return false
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, at + 1)) {
    const after = lower.slice(at + wanted.length, at + wanted.length + 2)
    if (!/[\w.:-]$/.test(lower.slice(0, at)) && !/^(?:[\w-]|[.:]\w)/.test(after)) return true
  }
  return false
}

function bareHost(server: string): string {
  return server.toLowerCase().replace(/^\[|\]$/g, '')
}

/** Returns whether a program is the server of a FUSE file system; the kernel cuts its name after 15 bytes. */
function isFuseServer(program: string, device: DeviceNames): boolean {
  const [kind, subtype] = device.type.split('.')
  if (kind === 'fuseblk') return /^(?:mount\.)?(?:ntfs|exfat)/.test(program)
  if (kind !== 'fuse' || subtype === undefined) return false
  return [subtype, `mount.${subtype}`].some((name) => name.slice(0, 15) === program)
}

interface Finding {
  rule: Rule
  params: Record<string, string>
  line: KernelLine
}

/** Returns the first rule whose message is in a line, if its names belong to the file system. */
function findRule(line: KernelLine, device: DeviceNames): Finding | null {
  const match = matchRule(line)
  if (match === null || !isOf(match.rule, match.params, device)) return null
  const { disk } = match.params
  return disk === undefined ? match : { ...match, params: { ...match.params, device: disk } }
}

/** Kept as long as its line: the lines of a flood are compared with each file system. */
const matches = new WeakMap<KernelLine, Finding | null>()

function matchRule(line: KernelLine): Finding | null {
  const known = matches.get(line)
  if (known !== undefined) return known
  let found: Finding | null = null
  for (const rule of rules) {
    const match = rule.pattern.exec(line.text)
    if (match === null) continue
    const groups = Object.entries(match.groups ?? {})
    found = { rule, params: Object.fromEntries(groups.filter(([, value]) => value !== undefined)), line }
    break
  }
  matches.set(line, found)
  return found
}

function isOf(rule: Rule, params: Record<string, string>, device: DeviceNames): boolean {
  const { host, controller, server, type, program, task } = params
  const named = params.device ?? params.member
  if (named !== undefined && !device.names.has(named)) return false
  if (host !== undefined && !device.names.has(`host${host}`)) return false
  if (controller !== undefined && !device.names.has(`pci ${controller}`)) return false
  if (server !== undefined && bareHost(server) !== bareHost(device.server ?? '')) return false
  if (type !== undefined && !device.type.startsWith(type)) return false
  if (program !== undefined && !isFuseServer(program, device)) return false
  if (task !== undefined && !isOwnTask(task, device)) return false
  return rule.kinds === undefined || [device.type, ...device.names].some((name) => rule.kinds?.test(name))
}

/** Returns whether a kernel thread works for the file system: jbd2/sdb1-8, xfsaild/sdb1, md0_raid1, btrfs-transacti. */
function isOwnTask(task: string, device: DeviceNames): boolean {
  return task.startsWith(`${device.type}-`) || [...device.names].some((name) => hasName(task, name))
}

/**
 * Matches the lines that follow the first one of a report: results of a command, a stack. Messages of devices without a
 * driver begin with a space, too: " session2: text".
 */
const CONTINUATION = /^(?:(?! [\w:.-]+: )\s|Call Trace:|Workqueue:|task:|"echo 0 > )/
/** Milliseconds within which a report is printed. */
const REPORT_TIME = 1_000

/** Begins messages with command lines, which may have secrets: of programs in the audit system's, and of the kernel. */
const COMMAND_LINE = /^(?:audit: |(?:Unknown )?(?:[Kk]ernel )?[Cc]ommand line\b)/

/** Returns the lines that belong to a file system, in their order. */
export function chooseLines(lines: readonly KernelLine[], device: DeviceNames): KernelLine[] {
  const names = [...device.names]
  let last: KernelLine | null = null
  return lines.filter((line) => {
    const isNamed =
      names.some((name) => hasName(line.text, name)) ||
      (device.server !== null && hasServer(line.text, device.server))
    const isOwn = (isNamed && !COMMAND_LINE.test(line.text)) || findRule(line, device) !== null
    const follows = last !== null && CONTINUATION.test(line.text) && line.at - last.at <= REPORT_TIME
    last = isOwn || follows ? line : null
    return last !== null
  })
}

/** Milliseconds by which the clocks of log and check may differ. */
const CLOCK_DIFFERENCE = 1_000

/**
 * Returns the cause of a failure as the kernel reported it, and what the file system did then; nothing if no line gives
 * a cause. `failedAt` in milliseconds since 1970. `becameReadOnly`: the mount is read-only now and was not before.
 */
export function findCause(
  lines: readonly KernelLine[],
  device: DeviceNames,
  failedAt: number,
  becameReadOnly = false,
): Message[] {
  const isBefore = (line: KernelLine) => line.at <= failedAt + CLOCK_DIFFERENCE
  const before = lines.filter(isBefore)
  const findings = lines.flatMap((line) => {
    const finding = findRule(line, device)
    if (finding === null || (finding.rule.stateless && !becameReadOnly)) return []
    return (finding.rule.late || isBefore(line)) && !isUndone(finding, before) ? [finding] : []
  })
  const command = becameReadOnly ? findCommand(findings) : null
  if (command === null) return explain(findings, device)
  const errors = findings.slice(0, findings.indexOf(command))
  return errors.length === 0 ? [toSentence(command, findings)] : afterError(explain(errors, device))
}

function explain(findings: readonly Finding[], device: DeviceNames): Message[] {
  const cause = chooseFinding(findings)
  if (cause === null) return []
  const { rule, line } = cause
  const first = toSentence(cause, findings)
  const hasStopped = findings.some((finding) => finding.rule.stops && finding.line.at >= line.at)
  if (rule.stops || rule.command || !hasStopped) return [first]
  return [first, message('cause.stoppedWriting', { type: device.type })]
}

/** File systems whose errors name an inode that identifies one file, and end in a failure of the whole file system. */
const INODES = /^(?:ext[234]|xfs)$/

/** Returns the numbers of the inodes in which a file system found an error. */
export function findInodes(lines: readonly KernelLine[], device: DeviceNames): string[] {
  if (!INODES.test(device.type)) return []
  const [own] = device.names
  const found = lines.flatMap((line) => {
    const { device: named, inode, referenced } = findRule(line, device)?.params ?? {}
    // The file of a loop device is on a file system with inodes of its own.
    return inode === undefined || named !== own ? [] : [String(BigInt(referenced ?? inode))]
  })
  return [...new Set(found)]
}

function toSentence({ rule, params, line }: Finding, findings: readonly Finding[]): Message {
  if (!rule.counted) return message(`cause.${rule.id}` as WordKey, params)
  const same = findings.filter((finding) => finding.rule === rule)
  const span = Math.max(100, (same.at(-1)?.line.at ?? 0) - line.at)
  // A path that fails, returns and fails again is one path.
  const { member } = params
  const count = member === undefined ? same.length : new Set(same.map((one) => one.params.member)).size
  const key = `cause.${rule.id}${count > 1 ? 'Repeated' : ''}` as WordKey
  return message(key, { ...params, count, span })
}

/** Returns the sentences for a command, or an unreported remount, that came after an error. */
const afterError = (error: Message[]): Message[] => [message('cause.madeReadOnlyAfterError'), ...error]

/** Level of a warning (syslog(3)); graver ones have lower numbers. */
const WARNING = 4

/**
 * Begins the reports of file systems about themselves. Each of those that turn read-only after an error reports it; other
 * errors, of a disk or its link, do not turn a mount read-only.
 */
const OF_FILE_SYSTEM =
  /^(?:EXT[234]-fs|XFS|BTRFS|FAT-fs|exFAT-fs|F2FS-fs|ntfs3|NILFS|JFS|UDF-fs|JBD2|Aborting journal|WARNING: Pool)\b/

/** A failed file system, as far as it is visible without the kernel's log. */
interface FailedState {
  kind: VerdictKind
  /** The error's name of the failed call, if one failed. */
  code: string | null
  /** The change of the mount in the minute before the failure; null: none. */
  change: MountChange | null
}

interface MountChange {
  /** Milliseconds since 1970 at which it was noticed. */
  at: number
  before: MountState
  /** null: not mounted. */
  now: MountState | null
}

export type MountState = 'writable' | 'read-only'

/**
 * Returns the cause of a failure as the lines and the state show it. @param reported the cause according to `findCause`
 * The kernel is silent about a program that serves a file system (fs/fuse/dev.c), and about who unmounts or remounts most
 * file systems (fs/super.c: reconfigure_super).
 */
export function findCauseOfState(
  { kind, code, change }: FailedState,
  lines: readonly KernelLine[],
  device: DeviceNames,
  reported: Message[],
): Message[] {
  if (kind === 'read-only' && change?.before === 'writable' && change.now === 'read-only')
    return isOfCommand(reported) ? reported : findCauseOfRemount(change.at, lines, device, reported)
  if (reported.length > 0) return reported
  if (/^fuse(?:\.|blk$|$)/.test(device.type)) {
    const program = device.type.replace(/^fuse\./, '')
    if (kind === 'hung') return [message('cause.fuseHung', { program })]
    if (code === 'ENOTCONN') return [message('cause.fuseEnded', { program })]
  }
  const isUnmounted = kind === 'missing' && change !== null && change.now === null
  return isUnmounted && lines.every(({ level }) => level > WARNING)
    ? [message('cause.unmountedInSilence')]
    : []
}

/** Returns the cause of a remount without a line of its own, at `at`: its file system's, or else that of a command. */
function findCauseOfRemount(
  at: number,
  lines: readonly KernelLine[],
  device: DeviceNames,
  reported: Message[],
): Message[] {
  const errors = lines.filter((line) => line.level <= WARNING && line.at <= at + CLOCK_DIFFERENCE)
  if (errors.some(({ text }) => OF_FILE_SYSTEM.test(text))) return reported
  if (errors.length === 0) return [message('cause.remountedInSilence')]
  const error = findCause(errors, device, at)
  return error.length > 0 ? afterError(error) : []
}

/** Returns whether a line of a command gave the cause. */
function isOfCommand([first]: readonly Message[]): boolean {
  const commands = rules.filter(({ command }) => command).map(({ id }) => `cause.${id}`)
  return ['cause.madeReadOnlyAfterError', ...commands].includes(first?.key ?? '')
}

function isUndone({ rule, params, line }: Finding, lines: readonly KernelLine[]): boolean {
  const { undoneBy } = rule
  if (undoneBy === undefined) return false
  return lines
    .slice(lines.indexOf(line) + 1)
    .some(({ text }) => undoneBy.exec(text)?.groups?.device === params.device)
}

/**
 * Returns the command that made a mount read-only; null: none, or its file system stopped by itself. A message without the
 * new state may be of a remount that left the mount writable.
 */
function findCommand(findings: readonly Finding[]): Finding | null {
  const command = findings.find(({ rule }) => rule.command)
  if (command === undefined) return null
  const isEarlier = ({ line }: Finding) =>
    findings.findIndex((one) => one.line === line) < findings.indexOf(command)
  const hasStopped = findings.some((one) => one.rule.stops && (command.rule.stateless || isEarlier(one)))
  return hasStopped ? null : command
}

/**
 * Returns the earliest finding of the first rule of the lowest layer. A command is the cause only of what the file system
 * reports after it.
 */
function chooseFinding(findings: readonly Finding[]): Finding | null {
  const [earliest] = findings
  if (earliest === undefined) return null
  const errors = findings.filter(({ rule }) => !rule.command)
  if (earliest.rule.command && errors.every(({ rule }) => rule.layer === 'fileSystem')) return earliest
  const [lowest] = errors.toSorted((a, b) => rank(a.rule) - rank(b.rule))
  if (lowest === undefined) return null
  const medium = errors.find(({ rule }) => rule.layer === 'medium')
  const isReset = lowest.rule.reset && medium !== undefined
  return isReset && errors.indexOf(medium) < errors.indexOf(lowest) ? medium : lowest
}

/** Orders rules by layer, and those of a layer as in the table; a file system's own messages keep their order in time. */
function rank(rule: Rule): number {
  const place = rule.layer === 'fileSystem' ? 0 : rules.indexOf(rule)
  return layers.indexOf(rule.layer) * rules.length + place
}
