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

# The answer of a question; $null if the host does not answer it. One denied fact hides no other.
function Get-Fact([ScriptBlock]$Question) {
    try {
        return & $Question
    } catch {
        return $null
    }
}

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
    $start = "$($Service.StartMode)".ToLowerInvariant()
    if ($StartModes.ContainsKey("$($Service.StartMode)")) {
        $start = $StartModes["$($Service.StartMode)"]
    }
    return @{ start = $start; state = "$($Service.State)".ToLowerInvariant() }
}

function Get-Program($Service) {
    if ($null -eq $Service -or "$($Service.PathName)" -notmatch '^\s*"?(?<program>[^"]+?\.exe)') {
        return ''
    }
    return $Matches.program
}

function Get-FileVersion([string]$Program) {
    if (-not $Program) {
        return $null
    }
    $file = Get-Item -LiteralPath $Program -ErrorAction SilentlyContinue
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

function Test-Address([string]$Name) {
    return $Name -match '^\d+\.\d+\.\d+\.\d+$' -or $Name.Contains(':')
}

function Get-Addresses([string]$Name) {
    if (Test-Address $Name) {
        return $Name
    }
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
        if ($item -eq 'Any') {
            return $true
        }
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

# An IPv4 address as a number; $null for anything else.
function ConvertTo-Number([string]$Address) {
    if ($Address -notmatch '^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$') {
        return $null
    }
    $number = [long]0
    foreach ($index in @(1, 2, 3, 4)) {
        $number = $number * 256 + [long]$Matches[$index]
    }
    return $number
}

# Whether a remote address of a rule (address, ADDRESS/BITS, ADDRESS/MASK, FIRST-LAST) covers an address: yes, no, or
# unclear for a keyword such as LocalSubnet and for IPv6 networks.
function Test-Peer([string]$Peer, [string]$Address) {
    if ($Peer -eq 'Any' -or $Peer -eq $Address) {
        return 'yes'
    }
    $number = ConvertTo-Number $Address
    if ($Address.Contains(':') -or $Peer.Contains(':')) {
        $alike = $Address.Contains(':') -eq $Peer.Contains(':')
        return $(if ($alike -and $Peer -match '[/-]') { 'unclear' } else { 'no' })
    }
    $first, $rest = $Peer -split '[/-]', 2
    $low = ConvertTo-Number $first
    if ($null -eq $low -or $null -eq $number) {
        return 'unclear'
    }
    if (-not $rest) {
        return 'no'
    }
    if ($Peer.Contains('-')) {
        $high = ConvertTo-Number $rest
    } else {
        $size = [long]4294967296 - [long]$(ConvertTo-Number $rest)
        if ($rest -match '^\d+$') {
            $size = [long][Math]::Pow(2, 32 - [int]$rest)
        }
        $low = $low - $low % $size
        $high = $low + $size - 1
    }
    return $(if ($number -ge $low -and $number -le $high) { 'yes' } else { 'no' })
}

# Whether a rule for these remote addresses applies to the management server: 'yes', 'no' or 'unclear'.
function Test-ForServer([string[]]$Peers, [string[]]$Addresses) {
    if ($Peers -contains 'Any') {
        return 'yes'
    }
    $found = @(foreach ($address in $Addresses) {
            $each = @(foreach ($peer in $Peers) { Test-Peer $peer $address })
            if ($each -contains 'yes') { 'yes' } elseif ($each -contains 'unclear') { 'unclear' } else { 'no' }
        })
    if ($found.Count -eq 0 -or @($found | Select-Object -Unique).Count -gt 1) {
        return 'unclear'
    }
    return $found[0]
}

# Whether a rule applies to the proxy service: one that names another program or service does not. A rule that asks for
# IPsec or names interfaces is unclear.
function Test-ForProxy($Rule, [string]$Program) {
    $only = "$((Get-NetFirewallApplicationFilter -AssociatedNetFirewallRule $Rule).Program)"
    $service = "$((Get-NetFirewallServiceFilter -AssociatedNetFirewallRule $Rule).Service)"
    if ($only -notin @('Any', '', $Program) -or $service -notin @('Any', '', '*', $ServiceName)) {
        return 'no'
    }
    $security = "$((Get-NetFirewallSecurityFilter -AssociatedNetFirewallRule $Rule).Authentication)"
    $types = "$((Get-NetFirewallInterfaceTypeFilter -AssociatedNetFirewallRule $Rule).InterfaceType)"
    if ($security -notin @('NotRequired', '') -or $types -notin @('Any', '')) {
        return 'unclear'
    }
    return 'yes'
}

# The profiles of the networks that the host is in; all of them if it does not report its networks.
function Get-UsedProfiles {
    $all = @(Get-NetFirewallProfile -PolicyStore ActiveStore)
    $used = @(Get-NetConnectionProfile -ErrorAction SilentlyContinue |
            ForEach-Object { "$($_.NetworkCategory)" -replace 'DomainAuthenticated', 'Domain' })
    if ($used.Count -eq 0) {
        return $all
    }
    return $all | Where-Object { $used -contains "$($_.Name)" }
}

# Inbound rules that can decide about the port: action, profiles, whether they come from this host (and not from group
# policy), and whether they apply to a connection from the server to the proxy service.
function Get-PortRules([int]$Port, [string[]]$ServerAddresses, [string]$Program) {
    $filters = @('TCP', 'Any' | ForEach-Object { Get-NetFirewallPortFilter -PolicyStore ActiveStore -Protocol $_ } |
            Where-Object { Test-PortIn @($_.LocalPort) $Port })
    foreach ($filter in $filters) {
        foreach ($rule in @(Get-NetFirewallRule -AssociatedNetFirewallPortFilter $filter)) {
            if ("$($rule.Enabled)" -ne 'True' -or "$($rule.Direction)" -ne 'Inbound') {
                continue
            }
            $peers = @((Get-NetFirewallAddressFilter -AssociatedNetFirewallRule $rule).RemoteAddress)
            $both = @((Test-ForServer $peers $ServerAddresses), (Test-ForProxy $rule $Program))
            $applies = 'yes'
            foreach ($answer in 'unclear', 'no') {
                if ($both -contains $answer) {
                    $applies = $answer
                }
            }
            $isLocal = "$($rule.PolicyStoreSourceType)" -eq 'Local'
            @{ action = "$($rule.Action)"; profiles = "$($rule.Profile)"; isLocal = $isLocal; applies = $applies }
        }
    }
}

# What one profile does with the connection: 'open', 'closed' or 'unclear'. Rules that block win over those that allow.
function Get-Verdict($Network, $Rules) {
    if ("$($Network.Enabled)" -ne 'True') {
        return 'open'
    }
    $blocksAll = "$($Network.AllowInboundRules)" -eq 'False'
    $here = @($Rules | Where-Object { $_.profiles -eq 'Any' -or $_.profiles -match "\b$($Network.Name)\b" } |
            Where-Object { -not ($_.isLocal -and "$($Network.AllowLocalFirewallRules)" -eq 'False') })
    $blocks = @($here | Where-Object { $_.action -eq 'Block' } | ForEach-Object { $_.applies })
    if ($blocksAll -or $blocks -contains 'yes') {
        return 'closed'
    }
    if ($blocks -contains 'unclear') {
        return 'unclear'
    }
    $allows = @($here | Where-Object { $_.action -eq 'Allow' } | ForEach-Object { $_.applies })
    if ($allows -contains 'yes' -or "$($Network.DefaultInboundAction)" -eq 'Allow') {
        return 'open'
    }
    return $(if ($allows -contains 'unclear') { 'unclear' } else { 'closed' })
}

# Networks whose profiles differ leave open which of them the server connects through: then the fact is null.
function Get-Firewall([int]$Port, [string[]]$ServerAddresses, [string]$Program) {
    $profiles = @(Get-UsedProfiles)
    $rules = @()
    if (@($profiles | Where-Object { "$($_.Enabled)" -eq 'True' }).Count -gt 0) {
        $rules = @(Get-PortRules $Port $ServerAddresses $Program)
    }
    $verdicts = @($profiles | ForEach-Object { Get-Verdict $_ $rules } | Select-Object -Unique)
    if ($verdicts.Count -ne 1 -or $verdicts -contains 'unclear') {
        return $null
    }
    return "$Port $($verdicts[0])"
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
            $found.NotAfter.ToUniversalTime().ToString('s') + 'Z'
        }
    }
}

# What CIM reports is denied to some accounts: then the rest is read from elsewhere, or is null.
function Get-DiskFree($System) {
    $drive = $env:SystemDrive
    if ($null -ne $System) {
        $drive = "$($System.SystemDrive)"
    }
    $disk = Get-Fact { Get-First 'Win32_LogicalDisk' "DeviceID='$drive'" }
    if ($null -eq $disk -or $null -eq $disk.FreeSpace) {
        return $null
    }
    return [int][Math]::Floor($disk.FreeSpace / 1073741824)
}

# The state of the proxy service, with the state files of package-install.ps1 if they exist.
function Get-ProxyFacts($Services, [string]$Program, [int]$Port) {
    $facts = @{ installed = $null; version = $null; start = $null; state = $null; listening = $null }
    if ($null -ne $Services) {
        $proxy = $Services.all | Where-Object { $_.Name -eq $ServiceName } | Select-Object -First 1
        $facts = Get-ServiceFacts $proxy
        $facts.installed = $null -ne $proxy
        $facts.version = Get-Fact { Get-FileVersion $Program }
    }
    $facts.listening = Get-Fact {
        @(Get-NetTCPConnection -State Listen -LocalPort $Port -ErrorAction SilentlyContinue).Count -gt 0
    }
    $notes = Join-Path (Join-Path $env:ProgramData 'vbo-reconcile') 'packages'
    foreach ($name in 'unfinished', 'unregistered') {
        if (Test-Path -LiteralPath (Join-Path $notes ($name -replace 'unfinished', 'attempt'))) {
            $facts[$name] = $true
        }
    }
    return $facts
}

$port = [int]$Arguments.port
$serverName = "$($Arguments.server)"
$smtp = Get-Argument 'smtp'
$utc = (Get-Date).ToUniversalTime().ToString('s') + 'Z'
$system = Get-Fact { Get-First 'Win32_OperatingSystem' '' }
$computer = Get-Fact { Get-First 'Win32_ComputerSystem' '' }
$filter = "Name='$ServiceName' OR Name='RemoteRegistry'"
$services = Get-Fact { @{ all = @(Get-CimInstance -ClassName Win32_Service -Filter $filter) } }
$shares = Get-Fact { @{ all = @(Get-CimInstance -ClassName Win32_Share -Filter "Name='ADMIN$'") } }
$resolved = Get-Fact { @{ addresses = @(Get-Addresses $serverName) } }
$reasons = Get-Fact { @{ all = @(Get-PendingReboot) } }

$os = @{ family = 'windows'; name = $null; version = "$([Environment]::OSVersion.Version)" }
if ($null -ne $system) {
    $os.name = "$($system.Caption)".Trim()
    $os.version = "$($system.Version)"
}
$computerName = $env:COMPUTERNAME
$fqdn = $computerName
$domain = @{ member = $null; name = $null }
$hardware = @{ cores = $null; memory_gb = $null }
if ($null -ne $computer) {
    $computerName = "$($computer.Name)"
    $fqdn = "$($computer.DNSHostName)"
    $domain = @{ member = [bool]$computer.PartOfDomain; name = '' }
    if ($computer.PartOfDomain) {
        $domain.name = "$($computer.Domain)"
        $fqdn = "$fqdn.$($domain.name)"
    }
    $hardware.cores = [int]$computer.NumberOfLogicalProcessors
    $hardware.memory_gb = [int][Math]::Round($computer.TotalPhysicalMemory / 1073741824)
}
$program = ''
$registry = $null
if ($null -ne $services) {
    $program = Get-Program ($services.all | Where-Object { $_.Name -eq $ServiceName } | Select-Object -First 1)
    $registry = $services.all | Where-Object { $_.Name -eq 'RemoteRegistry' } | Select-Object -First 1
    $registry = Get-ServiceFacts $registry
}
$adminShare = $null
if ($null -ne $shares) {
    $adminShare = $shares.all.Count -gt 0
}
$server = @{ name = $serverName; addresses = $null; reverse = $null }
$addresses = @()
if ($null -ne $resolved) {
    $addresses = @($resolved.addresses)
    $server.addresses = $addresses
    $server.reverse = @(Get-Fact { Get-Names $addresses } | Where-Object { $_ })
}
$reboot = @{ pending = $null; reasons = @() }
if ($null -ne $reasons) {
    $reboot = @{ pending = ($reasons.all.Count -gt 0); reasons = @($reasons.all) }
}
$framework = Get-Fact { Get-RegistryValue 'HKLM:\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full' 'Release' }
$ends = Get-Fact { @{ all = @(Get-CertificateEnds) } }

$facts = @{
    os = $os
    host = @{ name = $computerName; fqdn = $fqdn }
    clock = @{ utc = $utc }
    account = @{ user = "$([Environment]::UserDomainName)\$([Environment]::UserName)"; admin = (Get-Admin) }
    hardware = $hardware
    mail = @{ server = $smtp; reachable = (Test-Mail $smtp (Get-Argument 'smtp_port')) }
    certificates = @{ ends = $(if ($null -ne $ends) { , @($ends.all) }) }
    domain = $domain
    powershell = @{ version = "$($PSVersionTable.PSVersion)"; core = @(Get-Fact { Get-CoreVersions }) }
    dotnet = @{
        framework = [int]$framework
        runtime = @(Get-RuntimeVersions 'Microsoft.NETCore.App')
        aspnet = @(Get-RuntimeVersions 'Microsoft.AspNetCore.App')
    }
    remote_registry = $registry
    firewall = @{ port = (Get-Fact { Get-Firewall $port $addresses $program }) }
    admin_share = $adminShare
    disk = @{ free_gb = (Get-DiskFree $system) }
    reboot = $reboot
    server = $server
    service = (Get-ProxyFacts $services $program $port)
}
[Console]::Out.WriteLine(($facts | ConvertTo-Json -Compress -Depth 5))
