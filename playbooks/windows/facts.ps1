# The facts of a Windows host: one JSON document. Changes nothing.
# Arguments: port (TCP port of the proxy service), server (name of the management server), and smtp with smtp_port (the
# mail server that the proxies report through, if there is one).
# A value that the host cannot report is null. A host that meets every requirement prints, for example:
# {
#   "os": {"family": "windows", "name": "Microsoft Windows Server 2022 Standard", "version": "10.0.20348"},
#   "host": {"name": "PX-1", "fqdn": "px-1.corp.example.com"},
#   "clock": {"utc": "2026-03-01T12:00:00Z"},
#   "account": {"user": "CORP\\svc-proxy", "admin": true},
#   "hardware": {"cores": 8, "memory_gb": 32},
#   "domain": {"member": true, "name": "corp.example.com"},
#   "powershell": {"version": "5.1.20348.558", "core": []},
#   "dotnet": {"framework": 528449, "runtime": ["8.0.11"], "aspnet": ["8.0.11"]},
#   "remote_registry": {"start": "automatic", "state": "running"},
#   "firewall": {"port": "9193 open"},
#   "admin_share": true,
#   "disk": {"free_gb": 41},
#   "reboot": {"pending": false, "reasons": []},
#   "server": {"name": "vbo01.corp.example.com", "addresses": ["10.0.0.5"], "reverse": ["vbo01.corp.example.com"]},
#   "mail": {"server": "smtp.corp.example.com", "reachable": true},
#   "certificates": {"ends": ["2027-05-06T07:08:09Z"]},
#   "service": {"installed": true, "version": "8.5.0.1014", "state": "running", "start": "automatic", "listening": true}
# }
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$ServiceName = 'Veeam.Archiver.Proxy'
$StartModes = @{ Auto = 'automatic'; Manual = 'manual'; Disabled = 'disabled' }

function Get-Argument([string]$Name) {
    $found = $Arguments.PSObject.Properties[$Name]
    if ($null -eq $found) {
        return ''
    }
    return "$($found.Value)"
}

function Get-First([string]$Class, [string]$Filter) {
    if ($Filter) {
        return Get-CimInstance -ClassName $Class -Filter $Filter | Select-Object -First 1
    }
    return Get-CimInstance -ClassName $Class | Select-Object -First 1
}

function Get-RegistryValue([string]$Key, [string]$Name) {
    if (-not (Test-Path -LiteralPath $Key)) {
        return $null
    }
    $item = Get-ItemProperty -LiteralPath $Key -Name $Name -ErrorAction SilentlyContinue
    if ($null -eq $item) {
        return $null
    }
    return $item.$Name
}

function Get-ServiceFacts($Service) {
    if ($null -eq $Service) {
        return @{ start = 'missing'; state = 'missing' }
    }
    $start = "$($Service.StartMode)".ToLower()
    if ($StartModes.ContainsKey("$($Service.StartMode)")) {
        $start = $StartModes["$($Service.StartMode)"]
    }
    return @{ start = $start; state = "$($Service.State)".ToLower() }
}

function Get-FileVersion([string]$CommandLine) {
    if ($CommandLine -notmatch '^\s*"?(?<program>[^"]+?\.exe)') {
        return $null
    }
    $file = Get-Item -LiteralPath $Matches.program -ErrorAction SilentlyContinue
    if ($null -eq $file) {
        return $null
    }
    return $file.VersionInfo.FileVersion
}

function Get-RuntimeVersions([string]$Framework) {
    $folder = Join-Path $env:ProgramFiles "dotnet/shared/$Framework"
    if (-not (Test-Path -LiteralPath $folder)) {
        return
    }
    Get-ChildItem -LiteralPath $folder | ForEach-Object { $_.Name }
}

function Get-CoreVersions {
    $key = 'HKLM:\SOFTWARE\Microsoft\PowerShellCore\InstalledVersions'
    if (-not (Test-Path -LiteralPath $key)) {
        return
    }
    Get-ChildItem -LiteralPath $key | ForEach-Object { Get-RegistryValue "$key\$($_.PSChildName)" 'SemanticVersion' }
}

function Get-Addresses([string]$Name) {
    Resolve-DnsName -Name $Name -ErrorAction SilentlyContinue |
        Where-Object { $_.PSObject.Properties['IPAddress'] -and $_.IPAddress } |
        ForEach-Object { "$($_.IPAddress)" }
}

function Get-Names([string[]]$Addresses) {
    foreach ($address in $Addresses) {
        Resolve-DnsName -Name $address -ErrorAction SilentlyContinue |
            Where-Object { $_.PSObject.Properties['NameHost'] -and $_.NameHost } |
            ForEach-Object { "$($_.NameHost)" }
    }
}

function Test-PortIn([string[]]$Ports, [int]$Port) {
    foreach ($item in $Ports) {
        if ($item -match '^(\d+)(?:-(\d+))?$') {
            $first = [int]$Matches[1]
            $last = $first
            if ($Matches.ContainsKey(2)) {
                $last = [int]$Matches[2]
            }
            if ($Port -ge $first -and $Port -le $last) {
                return $true
            }
        }
    }
    return $false
}

# The profiles that apply to a connection to this host: those in use whose firewall is on.
function Get-GuardedProfiles {
    $guarded = @(Get-NetFirewallProfile -PolicyStore ActiveStore |
            Where-Object { "$($_.Enabled)" -eq 'True' -and "$($_.DefaultInboundAction)" -ne 'Allow' } |
            ForEach-Object { "$($_.Name)" })
    $used = @(Get-NetConnectionProfile -ErrorAction SilentlyContinue |
            ForEach-Object { "$($_.NetworkCategory)" -replace 'DomainAuthenticated', 'Domain' })
    if ($used.Count -eq 0) {
        return $guarded
    }
    return $guarded | Where-Object { $used -contains $_ }
}

# Rules for the port: action, profiles, and whether they apply to the management server.
function Get-PortRules([int]$Port, [string[]]$ServerAddresses) {
    $filters = @(Get-NetFirewallPortFilter -PolicyStore ActiveStore -Protocol TCP |
            Where-Object { Test-PortIn @($_.LocalPort) $Port })
    foreach ($filter in $filters) {
        foreach ($rule in @(Get-NetFirewallRule -AssociatedNetFirewallPortFilter $filter)) {
            if ("$($rule.Enabled)" -ne 'True' -or "$($rule.Direction)" -ne 'Inbound') {
                continue
            }
            $peers = @((Get-NetFirewallAddressFilter -AssociatedNetFirewallRule $rule).RemoteAddress)
            $forUs = $peers -contains 'Any' -or @($peers | Where-Object { $ServerAddresses -contains $_ }).Count -gt 0
            @{ action = "$($rule.Action)"; profiles = "$($rule.Profile)"; forUs = $forUs }
        }
    }
}

function Get-Firewall([int]$Port, [string[]]$ServerAddresses) {
    try {
        $profiles = @(Get-GuardedProfiles)
        if ($profiles.Count -eq 0) {
            return "$Port open"
        }
        $rules = @(Get-PortRules $Port $ServerAddresses)
    } catch {
        return $null
    }
    $unclear = $false
    foreach ($name in $profiles) {
        $here = @($rules | Where-Object { $_.profiles -eq 'Any' -or $_.profiles -match "\b$name\b" })
        $ours = @($here | Where-Object { $_.forUs })
        if (@($ours | Where-Object { $_.action -eq 'Block' }).Count -gt 0) {
            return "$Port closed"
        }
        if (@($ours | Where-Object { $_.action -eq 'Allow' }).Count -gt 0) {
            continue
        }
        if ($here.Count -eq 0) {
            return "$Port closed"
        }
        $unclear = $true
    }
    if ($unclear) {
        return $null
    }
    return "$Port open"
}

function Get-PendingReboot {
    $version = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion'
    if (Test-Path -LiteralPath "$version\Component Based Servicing\RebootPending") {
        'component-servicing'
    }
    if (Test-Path -LiteralPath "$version\WindowsUpdate\Auto Update\RebootRequired") {
        'windows-update'
    }
    $manager = 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager'
    if (Get-RegistryValue $manager 'PendingFileRenameOperations') {
        'file-renames'
    }
}

# Whether the account has administrator rights in this session: a token filtered by User Account Control contains the
# group for deny only, and its integrity is not high (S-1-16-12288) or system (S-1-16-16384).
function Get-Admin {
    try {
        $groups = @(whoami.exe /groups /fo csv /nh | ConvertFrom-Csv -Header 'name', 'type', 'sid', 'attributes')
    } catch {
        return $null
    }
    $sids = @($groups | ForEach-Object { $_.sid })
    if ($sids.Count -eq 0) {
        return $null
    }
    $high = $sids -contains 'S-1-16-12288' -or $sids -contains 'S-1-16-16384'
    return $high -and $sids -contains 'S-1-5-32-544'
}

# Connects to the mail server and sends nothing: proxies mail the results of their jobs themselves.
function Test-Mail([string]$Name, [string]$Port) {
    if (-not $Name) {
        return $null
    }
    $client = New-Object System.Net.Sockets.TcpClient
    try {
        return $client.ConnectAsync($Name, [int]$Port).Wait(3000)
    } catch {
        return $false
    } finally {
        $client.Close()
    }
}

# The expiry dates of the certificates of the HTTPS listeners of WinRM.
function Get-CertificateEnds {
    $listeners = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Listener'
    if (-not (Test-Path -LiteralPath $listeners)) {
        return
    }
    foreach ($listener in @(Get-ChildItem -LiteralPath $listeners)) {
        $thumbprint = "$(Get-RegistryValue "$listeners\$($listener.PSChildName)" 'certThumbprint')" -replace '\s', ''
        if (-not $thumbprint) {
            continue
        }
        $found = Get-Item -LiteralPath "Cert:\LocalMachine\My\$thumbprint" -ErrorAction SilentlyContinue
        if ($null -ne $found) {
            $found.NotAfter.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss') + 'Z'
        }
    }
}

$port = [int]$Arguments.port
$serverName = "$($Arguments.server)"
$utc = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss') + 'Z'
$system = Get-First 'Win32_OperatingSystem' ''
$computer = Get-First 'Win32_ComputerSystem' ''
$disk = Get-First 'Win32_LogicalDisk' "DeviceID='$($system.SystemDrive)'"
$adminShare = Get-First 'Win32_Share' "Name='ADMIN$'"
$services = @(Get-CimInstance -ClassName Win32_Service -Filter "Name='$ServiceName' OR Name='RemoteRegistry'")
$proxy = $services | Where-Object { $_.Name -eq $ServiceName } | Select-Object -First 1
$registry = $services | Where-Object { $_.Name -eq 'RemoteRegistry' } | Select-Object -First 1

$smtp = Get-Argument 'smtp'
$addresses = @(Get-Addresses $serverName)
$reasons = @(Get-PendingReboot)
$listening = @(Get-NetTCPConnection -State Listen -LocalPort $port -ErrorAction SilentlyContinue).Count -gt 0
$framework = Get-RegistryValue 'HKLM:\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full' 'Release'
$fqdn = "$($computer.DNSHostName)"
$domain = ''
if ($computer.PartOfDomain) {
    $domain = "$($computer.Domain)"
    $fqdn = "$fqdn.$domain"
}
$service = Get-ServiceFacts $proxy
$service.installed = $null -ne $proxy
$service.version = $null
$service.listening = $listening
if ($null -ne $proxy) {
    $service.version = Get-FileVersion $proxy.PathName
}
# The state files of package-install.ps1, if they exist.
$notes = Join-Path (Join-Path $env:ProgramData 'vbo-reconcile') 'packages'
if (Test-Path -LiteralPath (Join-Path $notes 'attempt')) {
    $service.unfinished = $true
}
if (Test-Path -LiteralPath (Join-Path $notes 'unregistered')) {
    $service.unregistered = $true
}

$facts = @{
    os = @{ family = 'windows'; name = "$($system.Caption)".Trim(); version = "$($system.Version)" }
    host = @{ name = "$($computer.Name)"; fqdn = $fqdn }
    clock = @{ utc = $utc }
    account = @{ user = "$([Environment]::UserDomainName)\$([Environment]::UserName)"; admin = (Get-Admin) }
    hardware = @{
        cores = [int]$computer.NumberOfLogicalProcessors
        memory_gb = [int][Math]::Round($computer.TotalPhysicalMemory / 1073741824)
    }
    mail = @{ server = $smtp; reachable = (Test-Mail $smtp (Get-Argument 'smtp_port')) }
    certificates = @{ ends = @(Get-CertificateEnds) }
    domain = @{ member = [bool]$computer.PartOfDomain; name = $domain }
    powershell = @{ version = "$($PSVersionTable.PSVersion)"; core = @(Get-CoreVersions) }
    dotnet = @{
        framework = [int]$framework
        runtime = @(Get-RuntimeVersions 'Microsoft.NETCore.App')
        aspnet = @(Get-RuntimeVersions 'Microsoft.AspNetCore.App')
    }
    remote_registry = (Get-ServiceFacts $registry)
    firewall = @{ port = (Get-Firewall $port $addresses) }
    admin_share = ($null -ne $adminShare)
    disk = @{ free_gb = [int][Math]::Floor($disk.FreeSpace / 1073741824) }
    reboot = @{ pending = ($reasons.Count -gt 0); reasons = $reasons }
    server = @{ name = $serverName; addresses = $addresses; reverse = @(Get-Names $addresses) }
    service = $service
}
[Console]::Out.WriteLine(($facts | ConvertTo-Json -Compress -Depth 5))
