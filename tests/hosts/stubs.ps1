# Windows for the tests: the cmdlets that the shipped scripts call, as functions over a world that is one JSON document.
# Functions win over cmdlets. What a script changes is in $World afterwards. Strict mode reaches into functions that a
# strict script calls, and a world leaves out what a case does not need: hence the Set-StrictMode.
$global:World = [IO.File]::ReadAllText($env:VBO_TEST_WORLD) | ConvertFrom-Json
$env:ProgramFiles = $env:VBO_TEST_PROGRAMS

function Save-World { [IO.File]::WriteAllText($env:VBO_TEST_WORLD, ($global:World | ConvertTo-Json -Depth 9)) }

function Get-CimInstance {
    [CmdletBinding()] param([string]$ClassName, [string]$Filter)
    Set-StrictMode -Off
    if ($global:World.denied -contains $ClassName) { throw 'Access denied' }
    $all = @($global:World.cim.$ClassName)
    if (-not $Filter) { return $all }
    $wanted = @($Filter -split ' OR ' | ForEach-Object { , ($_ -split '=', 2) })
    return $all | Where-Object { $item = $_; @($wanted | Where-Object { $item.($_[0]) -eq $_[1].Trim("'") }).Count }
}

function whoami.exe {
    Set-StrictMode -Off
    foreach ($sid in $global:World.groups) { '"A, B","Alias","' + $sid + '","Group"' }
}

function Test-Path {
    [CmdletBinding()] param([string]$LiteralPath)
    Set-StrictMode -Off
    if ($LiteralPath -like 'HKLM:*') { return $null -ne $global:World.registry.PSObject.Properties[$LiteralPath] }
    return Microsoft.PowerShell.Management\Test-Path -LiteralPath $LiteralPath
}

function Get-ItemProperty {
    [CmdletBinding()] param([string]$LiteralPath, [string]$Name)
    Set-StrictMode -Off
    $key = $global:World.registry.$LiteralPath
    if ($null -eq $key.PSObject.Properties[$Name]) { Write-Error "Property $Name does not exist."; return }
    return $key
}

function Set-ItemProperty {
    [CmdletBinding()] param([string]$LiteralPath, [string]$Name, $Value, [string]$Type)
    Set-StrictMode -Off
    $key = $global:World.registry.$LiteralPath
    if ($null -eq $key) { throw "Cannot find path $LiteralPath." }
    $key | Add-Member -NotePropertyName $Name -NotePropertyValue $Value -Force
    Save-World
}

function Get-ChildItem {
    [CmdletBinding()] param([string]$LiteralPath)
    Set-StrictMode -Off
    if ($LiteralPath -notlike 'HKLM:*') { return Microsoft.PowerShell.Management\Get-ChildItem -LiteralPath $LiteralPath }
    foreach ($property in $global:World.registry.PSObject.Properties) {
        if ($property.Name -like "$LiteralPath\*") {
            [PSCustomObject]@{ PSChildName = $property.Name.Substring($LiteralPath.Length + 1) }
        }
    }
}

function Get-Item {
    [CmdletBinding()] param([string]$LiteralPath)
    Set-StrictMode -Off
    if ($LiteralPath -like 'Cert:*') {
        $end = $global:World.certificates.($LiteralPath.Split('\')[-1])
        if ($null -eq $end) { Write-Error "Cannot find path $LiteralPath."; return }
        return [PSCustomObject]@{ NotAfter = [DateTime]::Parse($end).ToLocalTime() }
    }
    $version = $global:World.files.$LiteralPath
    if ($null -eq $version) { Write-Error "Cannot find path $LiteralPath."; return }
    return [PSCustomObject]@{ VersionInfo = [PSCustomObject]@{ FileVersion = $version } }
}

function Resolve-DnsName {
    [CmdletBinding()] param([string]$Name)
    Set-StrictMode -Off
    $found = $global:World.dns.PSObject.Properties[$Name]
    if ($null -eq $found) { Write-Error "$Name : DNS name does not exist"; return }
    foreach ($value in @($found.Value)) {
        if ($value -match '^[0-9.]+$') { [PSCustomObject]@{ Name = $Name; IPAddress = $value } }
        else { [PSCustomObject]@{ Name = $Name; NameHost = $value } }
    }
}

function Get-NetTCPConnection {
    [CmdletBinding()] param([string]$State, [int]$LocalPort)
    Set-StrictMode -Off
    if ($global:World.listeners -contains $LocalPort) { return [PSCustomObject]@{ LocalPort = $LocalPort } }
    Write-Error 'No matching MSFT_NetTCPConnection objects found.'
}

function Get-NetFirewallProfile {
    [CmdletBinding()] param([string]$PolicyStore)
    Set-StrictMode -Off
    if ($global:World.firewall_is_broken) { throw 'The service cannot be started.' }
    return $global:World.profiles
}

function Get-NetConnectionProfile {
    [CmdletBinding()] param()
    Set-StrictMode -Off
    return $global:World.networks
}

function Get-NetFirewallPortFilter {
    [CmdletBinding()] param([string]$PolicyStore, [string]$Protocol)
    Set-StrictMode -Off
    foreach ($rule in @($global:World.rules | Where-Object { $_ -and $_.Protocol -eq $Protocol })) {
        [PSCustomObject]@{ InstanceID = $rule.Name; LocalPort = $rule.LocalPort }
    }
}

function Get-NetFirewallRule {
    [CmdletBinding()] param([string]$Name, $AssociatedNetFirewallPortFilter)
    Set-StrictMode -Off
    if ($AssociatedNetFirewallPortFilter) { $Name = $AssociatedNetFirewallPortFilter.InstanceID }
    $found = @($global:World.rules | Where-Object { $_ -and $_.Name -eq $Name })
    if ($found.Count -eq 0) { Write-Error "No MSFT_NetFirewallRule objects found with InstanceID $Name."; return }
    return $found
}

function Get-NetFirewallAddressFilter {
    [CmdletBinding()] param($AssociatedNetFirewallRule)
    Set-StrictMode -Off
    return [PSCustomObject]@{ RemoteAddress = $AssociatedNetFirewallRule.RemoteAddress }
}

function Get-NetFirewallApplicationFilter {
    [CmdletBinding()] param($AssociatedNetFirewallRule)
    Set-StrictMode -Off
    return [PSCustomObject]@{ Program = $AssociatedNetFirewallRule.Program }
}

function Get-NetFirewallServiceFilter {
    [CmdletBinding()] param($AssociatedNetFirewallRule)
    Set-StrictMode -Off
    return [PSCustomObject]@{ Service = $AssociatedNetFirewallRule.Service }
}

function Get-NetFirewallSecurityFilter {
    [CmdletBinding()] param($AssociatedNetFirewallRule)
    Set-StrictMode -Off
    return [PSCustomObject]@{ Authentication = $AssociatedNetFirewallRule.Authentication }
}

function Get-NetFirewallInterfaceTypeFilter {
    [CmdletBinding()] param($AssociatedNetFirewallRule)
    Set-StrictMode -Off
    return [PSCustomObject]@{ InterfaceType = $AssociatedNetFirewallRule.InterfaceType }
}

function New-NetFirewallRule {
    [CmdletBinding()] param($Name, $DisplayName, $Direction, $Action, $Protocol, $LocalPort, $Profile, $Enabled)
    Set-StrictMode -Off
    $rule = [PSCustomObject]@{
        Name = $Name; DisplayName = $DisplayName; Direction = $Direction; Action = $Action; Protocol = $Protocol
        LocalPort = "$LocalPort"; Profile = $Profile; Enabled = $Enabled; RemoteAddress = 'Any'; Program = 'Any'
        Service = 'Any'; Authentication = 'NotRequired'; InterfaceType = 'Any'; PolicyStoreSourceType = 'Local'
    }
    $global:World.rules = @($global:World.rules) + $rule
    Save-World
    return $rule
}

function Set-NetFirewallRule {
    [CmdletBinding()] param($Name, $Direction, $Action, $Protocol, $LocalPort, $Profile, $Enabled)
    Set-StrictMode -Off
    foreach ($rule in @($global:World.rules | Where-Object { $_.Name -eq $Name })) {
        foreach ($part in 'Direction', 'Action', 'Protocol', 'Profile', 'Enabled') { $rule.$part = $PSBoundParameters[$part] }
        $rule.LocalPort = "$LocalPort"
    }
    Save-World
}

function Get-Service {
    [CmdletBinding()] param([string]$Name)
    Set-StrictMode -Off
    $service = Get-CimInstance -ClassName Win32_Service -Filter "Name='$Name'"
    if ($null -eq $service) { throw "Cannot find any service with service name '$Name'." }
    return [PSCustomObject]@{ Name = $Name; Status = $service.State }
}

function Set-Service {
    [CmdletBinding()] param([string]$Name, [string]$StartupType)
    Set-StrictMode -Off
    (Get-CimInstance -ClassName Win32_Service -Filter "Name='$Name'").StartMode = $StartupType -replace 'Automatic', 'Auto'
    Save-World
}

function Start-Service {
    [CmdletBinding()] param([string]$Name)
    Set-StrictMode -Off
    $service = Get-CimInstance -ClassName Win32_Service -Filter "Name='$Name'"
    if ($service.StartMode -eq 'Disabled' -or $service.refuses) { throw "Service '$Name' cannot be started." }
    $service.State = 'Running'
    Save-World
}

# Windows Installer: a package is one line of text, `lab-package NAME VERSION [refused]`. The service of the build that
# the world calls bad does not start.
function Start-Process {
    [CmdletBinding()] param([string]$FilePath, [string]$ArgumentList, [switch]$Wait, [switch]$PassThru)
    Set-StrictMode -Off
    $global:World.installer = @($global:World.installer) + $ArgumentList
    $null = $ArgumentList -match '^(?<verb>/[ix]) "(?<file>[^"]+)"'
    $words = [IO.File]::ReadAllText($Matches.file).Trim() -split ' '
    $others = @($global:World.cim.Win32_Service | Where-Object { $_.Name -ne 'Veeam.Archiver.Proxy' })
    if ($Matches.verb -eq '/x') {
        $global:World.cim.Win32_Service = $others
        return [PSCustomObject]@{ ExitCode = 0 }
    }
    if ($words[3] -eq 'refused') { return [PSCustomObject]@{ ExitCode = 1603 } }
    $exe = 'C:\Program Files\Veeam\Backup365\Veeam.Archiver.Proxy.exe'
    $global:World.files | Add-Member -NotePropertyName $exe -NotePropertyValue $words[2] -Force
    $bad = $words[2] -eq $global:World.bad_build
    $global:World.cim.Win32_Service = $others + [PSCustomObject]@{
        Name = 'Veeam.Archiver.Proxy'; StartMode = 'Auto'; PathName = "`"$exe`""; refuses = $bad
        State = $(if ($bad) { 'Stopped' } else { 'Running' })
    }
    return [PSCustomObject]@{ ExitCode = $(if ($global:World.restart) { 3010 } else { 0 }) }
}

# Access lists of folders: who owns one, and who has rights on it, inherited or explicit. One that was just created in
# ProgramData belongs to Administrators, and inherits the rights of all users.
function Get-FolderAccess([string]$Path) {
    Set-StrictMode -Off
    if ($null -eq $global:World.access) { $global:World | Add-Member access ([PSCustomObject]@{}) -Force }
    if ($null -eq $global:World.access.$Path) {
        $users = @('S-1-5-18', 'S-1-5-32-544', 'S-1-5-32-545')
        $new = [PSCustomObject]@{ owner = 'S-1-5-32-544'; inherited = $users; explicit = @() }
        $global:World.access | Add-Member $Path $new -Force
    }
    return $global:World.access.$Path
}

function Get-Acl {
    [CmdletBinding()] param([string]$LiteralPath)
    Set-StrictMode -Off
    $found = [PSCustomObject]@{ Access = Get-FolderAccess $LiteralPath }
    $found | Add-Member ScriptMethod GetOwner { [PSCustomObject]@{ Value = $this.Access.owner } }
    $found | Add-Member ScriptMethod GetAccessRules {
        $all = @($this.Access.explicit)
        if ($args[1]) { $all += @($this.Access.inherited) }
        foreach ($sid in $all) { [PSCustomObject]@{ IdentityReference = [PSCustomObject]@{ Value = $sid } } }
    }
    return $found
}

function icacls.exe {
    Set-StrictMode -Off
    $path, $words = $args[0], @($args[1..99] | ForEach-Object { $_ })
    $found = Get-FolderAccess $path
    $sids = @($words | Where-Object { $_ -like '[*]*' } | ForEach-Object { ($_ -split ':')[0].Substring(1) })
    if ($words -contains '/setowner') { $found.owner = $sids[0] }
    if ($words -contains '/inheritance:r') { $found.inherited = @() }
    if ($words -contains '/grant:r') { $found.explicit = @($found.explicit | Where-Object { $sids -notcontains $_ }) + $sids }
    if ($words -contains '/remove') { $found.explicit = @($found.explicit | Where-Object { $sids -notcontains $_ }) }
    $global:LASTEXITCODE = 0
    Save-World
}

# The product's own module, on the management server.
function Import-Module {
    [CmdletBinding()] param([string]$Name)
    Set-StrictMode -Off
    if (-not $global:World.product) { throw "The specified module '$Name' was not loaded." }
}

function Connect-VBOServer {
    Set-StrictMode -Off
    if ($global:World.product.away) { throw $global:World.product.away }
    $global:World.product.sessions++
    Save-World
}
function Disconnect-VBOServer { $global:World.product.sessions--; Save-World }
function Get-VBOVersion { [PSCustomObject]@{ ProductVersion = $global:World.product.version } }

function Get-VBOSecuritySettings {
    Set-StrictMode -Off
    $settings = $global:World.product.certificate
    return [PSCustomObject]@{
        CertificateThumbprint = $settings.thumbprint
        CertificateIssuedTo = $settings.subject
        CertificateExpirationDate = [DateTime]$settings.expires
    }
}

function Set-VBOSecuritySettings {
    [CmdletBinding()] param([string]$CertificateFilePath, [SecureString]$CertificatePassword, [switch]$Force)
    Set-StrictMode -Off
    $password = ''
    if ($CertificatePassword) { $password = (New-Object PSCredential 'x', $CertificatePassword).GetNetworkCredential().Password }
    $store = [Security.Cryptography.X509Certificates.X509Certificate2]
    $certificate = $store::new([IO.File]::ReadAllBytes($CertificateFilePath), $password)
    $global:World.product.certificate.thumbprint = $certificate.Thumbprint.ToLower()
    $global:World.product.certificate | Add-Member -NotePropertyName file -NotePropertyValue $CertificateFilePath -Force
    Save-World
}

# Time passes only for proxies whose upgrade goes on after the cmdlet has returned.
function Start-Sleep {
    [CmdletBinding()] param([int]$Seconds)
    Set-StrictMode -Off
    foreach ($item in @($global:World.product.proxies | Where-Object { $_ -and $_.slow -eq 'later' })) {
        $item.slow = ''
        $item.IsOutdated = $false
        $item.Version = $global:World.product.version
    }
}

function Get-VBOProxy {
    [CmdletBinding()] param([string]$Hostname)
    Set-StrictMode -Off
    return @($global:World.product.proxies | Where-Object { -not $Hostname -or $_.Hostname -eq $Hostname })
}

function Get-VBORepository { return @($global:World.product.repositories) }

function Get-VBORepositoryUpgradeSession {
    [CmdletBinding()] param($Repository)
    Set-StrictMode -Off
    return @($global:World.product.upgrades | Where-Object { $_ -and $_.RepositoryId -eq $Repository.Id })
}

function Start-VBORepositoryUpgradeSession {
    [CmdletBinding()] param($Repository)
    Set-StrictMode -Off
    $session = [PSCustomObject]@{ RepositoryId = $Repository.Id; RepositoryName = $Repository.Name; Status = 'Upgrading' }
    $global:World.product.upgrades = @($global:World.product.upgrades | Where-Object { $_ }) + $session
    Save-World
    return $session
}

function New-VBOLinuxCredential {
    [CmdletBinding()] param(
        [string]$Account, [SecureString]$Password, [string]$PrivateKeyFilePath, [SecureString]$Passphrase,
        [switch]$ElevateAccountToRoot, [switch]$UseSuIfSudoUnavailable, [SecureString]$RootPassword,
        [string]$Fingerprint, [string]$PublicKeyBase64, [int]$SshPort = 22
    )
    Set-StrictMode -Off
    $key = ''
    if ($PrivateKeyFilePath) { $key = [IO.File]::ReadAllText($PrivateKeyFilePath) }
    $clear = ''
    if ($RootPassword) { $clear = (New-Object PSCredential 'x', $RootPassword).GetNetworkCredential().Password }
    return @{
        account = $Account; key = $key; file = $PrivateKeyFilePath; root = [bool]$ElevateAccountToRoot
        su = [bool]$UseSuIfSudoUnavailable; rootPassword = $clear
        fingerprint = $Fingerprint; port = $SshPort
    }
}

function Update-VBOProxy {
    [CmdletBinding()] param([object[]]$Proxy, [PSCredential]$WindowsCredential, $LinuxCredential)
    Set-StrictMode -Off
    $global:World.product.calls = @($global:World.product.calls) + (@($Proxy | ForEach-Object { $_.Hostname }) -join ' ')
    foreach ($item in $Proxy) {
        $login = $null
        if ($WindowsCredential) { $login = $WindowsCredential.UserName + ':' + $WindowsCredential.GetNetworkCredential().Password }
        # A test of what cmdlets are given must not find what these ones are.
        if (-not $global:World.forgets_logins) {
            $item | Add-Member -NotePropertyName login -NotePropertyValue $login -Force
            $item | Add-Member -NotePropertyName linux -NotePropertyValue $LinuxCredential -Force
        }
        if ($item.refuses) { Save-World; throw $item.refuses }
        if ($item.slow) {
            $item.slow = 'later'
        } elseif (-not $item.stuck) {
            $item.IsOutdated = $false
            $item.Version = $global:World.product.version
        }
    }
    Save-World
}
