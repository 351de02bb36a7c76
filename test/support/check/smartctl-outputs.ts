/** Answers of smartctl 7.3 to `--json=c -i -H -A -l error -n standby,192`, as recorded, with the serial numbers replaced. */

interface Attribute {
  id: number
  name: string
  raw: number
  failed?: 'now' | 'past'
}

const head = (messages: { string: string; severity: string }[] = [], exit = 0) => ({
  json_format_version: [1, 0],
  smartctl: { version: [7, 3], svn_revision: '5338', messages, exit_status: exit },
})

const toRow = ({ id, name, raw, failed = undefined }: Attribute) => ({
  ...{ id, name, value: failed === 'now' ? 1 : 100, worst: 100, thresh: failed === undefined ? 0 : 5 },
  when_failed: failed ?? '',
  flags: { value: 50, string: '-O--CK ', prefailure: false },
  raw: { value: raw, string: String(raw) },
})

/** A SATA disk with these counters; `failing`: its self-assessment has failed. */
export function ataOutput({ pending = 0, uncorrectable = 0, reallocated = 0, failing = false } = {}): string {
  return JSON.stringify({
    ...head([], failing ? 24 : 0),
    device: { name: '/dev/sda', info_name: '/dev/sda [SAT]', type: 'sat', protocol: 'ATA' },
    model_name: 'WDC WD40EFRX-68N32N0',
    serial_number: 'WD-WCC7K0004711',
    rotation_rate: 5400,
    smart_support: { available: true, enabled: true },
    smart_status: { passed: !failing },
    ata_smart_attributes: {
      revision: 16,
      table: [
        toRow({ id: 1, name: 'Raw_Read_Error_Rate', raw: 0 }),
        toRow({
          ...{ id: 5, name: 'Reallocated_Sector_Ct', raw: reallocated },
          ...(failing && { failed: 'now' as const }),
        }),
        toRow({ id: 9, name: 'Power_On_Hours', raw: 31_207 }),
        // The upper bits have the extremes.
        toRow({ id: 194, name: 'Temperature_Celsius', raw: 167_504_969_753 }),
        toRow({ id: 197, name: 'Current_Pending_Sector', raw: pending }),
        toRow({ id: 198, name: 'Offline_Uncorrectable', raw: uncorrectable }),
      ],
    },
  })
}

/** An SSD that uses number 197 for something else. */
export const otherAttributes = JSON.stringify({
  ...head(),
  model_name: 'FLASH 240',
  serial_number: 'F0000815',
  smart_status: { passed: true },
  ata_smart_attributes: { revision: 1, table: [toRow({ id: 197, name: 'Unknown_Attribute', raw: 77 })] },
})

/** An NVMe disk with these values. */
export function nvmeOutput({ warning = 0, spare = 100, used = 3, media = 0 } = {}): string {
  return JSON.stringify({
    ...head([], warning === 0 ? 0 : 8),
    device: { name: '/dev/nvme0n1', info_name: '/dev/nvme0n1', type: 'nvme', protocol: 'NVMe' },
    model_name: 'INTEL SSDPEKNW010T8',
    serial_number: 'BTNH00000000P0B',
    smart_status: { passed: warning === 0, nvme: { value: warning } },
    nvme_smart_health_information_log: {
      ...{
        critical_warning: warning,
        temperature: 36,
        available_spare: spare,
        available_spare_threshold: 10,
      },
      ...{ percentage_used: used, data_units_read: 9_511_859, media_errors: media, num_err_log_entries: 0 },
    },
  })
}

export const scsiOutput = JSON.stringify({
  ...head(),
  device: { name: '/dev/sdb', info_name: '/dev/sdb', type: 'scsi', protocol: 'SCSI' },
  scsi_model_name: 'SEAGATE ST4000NM0023',
  serial_number: 'Z1Z00000',
  smart_status: { passed: true },
  scsi_grown_defect_list: 56,
})

const refused = (string: string, exit: number) => JSON.stringify(head([{ string, severity: 'error' }], exit))

export const notPermitted = refused('Smartctl open device: /dev/sda failed: Permission denied', 2)
export const noSmart = refused('/dev/vda: Unable to detect device type', 1)
export const brokenAnswer = refused('Read Device Identity failed: Input/output error', 4)
export const asleep = JSON.stringify({
  ...head([], 192),
  device: { name: '/dev/sda', info_name: '/dev/sda [SAT]', type: 'sat', protocol: 'ATA' },
})
